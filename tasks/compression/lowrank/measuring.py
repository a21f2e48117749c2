"""The validation loss of a model with other kernels, measured without building it anew."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tasks.arrays import Array
from tasks.backend import KerasModel, tensorflow
from tasks.compression.weights import weights
from tasks.learning.pipeline import evaluation_batches
from tasks.learning.saving import copy_model
from tasks.workloads import outcome_of
from tasks.workloads.protocol import OutcomeSettings

BATCH = 250
Loss = Callable[[Mapping[str, Array]], float]  # by the path of the weight; those not named are as they were


def validation_loss(model: KerasModel, samples: int, folder: Path, settings: OutcomeSettings | None = None) -> Loss:
    """Return a function that gives the mean loss of the first ``samples`` of the validation split.

    Of classes it is the cross-entropy, in nats, or what the outcome's settings make of it.

    A layer and its factors compute the same function as the layer with the product of the factors as its kernel.

    Args:
        model: the network; stays as it is.
        samples: of the validation split, the first ones.
        folder: the prepared data.
        settings: of the outcome.
    """
    tf = tensorflow()
    copy = copy_model(model)
    batches = list(evaluation_batches("validation", BATCH, folder).unbatch().take(samples).batch(BATCH))
    outcome = outcome_of(folder, settings)
    every = weights(copy)
    before = {path: weight.values() for path, weight in every.items()}
    answer = tf.function(lambda samples: copy(samples, training=False))

    def loss(kernels: Mapping[str, Array]) -> float:
        for path, weight in every.items():
            weight.assign(kernels.get(path, before[path]))
        total = sum(float(tf.reduce_sum(outcome.each_loss(labels, answer(inputs)))) for inputs, labels in batches)
        return total / sum(len(labels) for _, labels in batches)

    return loss
