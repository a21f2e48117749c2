"""The validation loss of a model with other kernels, measured without building it anew."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tasks.backend import KerasLayer, KerasModel, tensorflow
from tasks.compression.layers import find_kernel, kernel_of
from tasks.learning.pipeline import evaluation_batches
from tasks.learning.saving import copy_model
from tasks.workloads import outcome_of

BATCH = 250
Loss = Callable[[Mapping[str, NDArray[Any]]], float]  # by the name of the layer; those not named are as they were


def validation_loss(model: KerasModel, samples: int, folder: Path) -> Loss:
    """Return a function that gives the mean loss of the first ``samples`` of the validation split.

    Of classes it is the cross-entropy, in nats.

    A layer and its factors compute the same function as the layer with the product of the factors as its kernel.
    """
    tf = tensorflow()
    copy = copy_model(model)
    batches = list(evaluation_batches("validation", BATCH, folder).unbatch().take(samples).batch(BATCH))
    outcome = outcome_of(folder)
    before: dict[str, NDArray[Any]] = {layer.name: kernel_of(layer).numpy() for layer in _with_kernel(copy)}
    answer = tf.function(lambda samples: copy(samples, training=False))

    def loss(kernels: Mapping[str, NDArray[Any]]) -> float:
        for layer in _with_kernel(copy):
            kernel_of(layer).assign(kernels.get(layer.name, before[layer.name]))
        total = sum(float(tf.reduce_sum(outcome.each_loss(labels, answer(inputs)))) for inputs, labels in batches)
        return total / sum(len(labels) for _, labels in batches)

    return loss


def _with_kernel(model: KerasModel) -> list[KerasLayer]:
    return [layer for layer in model.layers if find_kernel(layer) is not None]
