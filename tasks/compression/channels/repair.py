"""Fit what is left of each layer's inputs to give what the whole of them gave, without any training.

Layer by layer from the first on, the kernel is changed so that the layer's outputs for some training samples are, by
least squares, those of the unpruned network (He, Zhang and Sun 2017, Channel Pruning for Accelerating Very Deep Neural
Networks, arXiv:1707.06168; Luo et al. 2017, ThiNet, arXiv:1707.06342). The fit is drawn to the weights there are, so
that a layer of more inputs than samples keeps its senses.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.backend import KerasLayer, KerasModel, TfTensor, keras, tensorflow
from tasks.compression.channels.atoms import Ids
from tasks.compression.channels.criteria.probe import Probe
from tasks.errors import Unsuited
from tasks.learning.feeding import fed
from tasks.learning.saving import copy_model
from tasks.samples import Inputs

POSITIONS = 10  # of each image that a convolution is fitted to, as in He et al.
RIDGE = 0.1  # pull to the present weights, as a fraction of the inputs' mean energy
BATCH = 64
SAMPLES = 2048  # training samples
Rows = NDArray[np.float64]


def repair(before: KerasModel, after: KerasModel, kept: Mapping[str, Ids], probe: Probe) -> KerasModel:
    """Return a copy of ``after`` in which each layer that lost inputs makes up for them.

    Args:
        before: the unpruned network.
        after: the pruned one.
        kept: for layers by name, which of their outputs are left.
        probe: gives the training samples.
    """
    before, after = copy_model(before), copy_model(after)
    inputs, _ = replace(probe, samples=SAMPLES).take("train")
    rng = np.random.default_rng(probe.context.seed)
    with threadpool_limits(1, user_api="blas"):  # more would round differently on another machine
        for layer in after.layers:
            old = before.get_layer(layer.name)
            if _fittable(layer) and layer.kernel.shape[-2] < old.kernel.shape[-2]:
                _fit(old, layer, kept[layer.name], _Sampled(before, after, inputs, rng))
    return after


def _fittable(layer: KerasLayer) -> bool:
    layers = keras().layers
    return type(layer) in (layers.Dense, layers.Conv2D) and len(layer._inbound_nodes) == 1


class _Sampled:
    """The inputs of a layer of both networks at the same positions of the same samples."""

    def __init__(self, before: KerasModel, after: KerasModel, inputs: Inputs, rng: np.random.Generator) -> None:
        self._models, self._inputs, self._rng = (before, after), inputs, rng

    def take(self, name: str) -> tuple[Rows, Rows]:
        """Rows ``[samples, inputs of an output]`` of the unpruned and the pruned network."""
        places: list[Ids] = []
        taken: list[Rows] = []
        for model in self._models:
            layer = model.get_layer(name)
            entering = keras().Model(model.inputs, layer.input)
            parts = []
            for index, start in enumerate(range(0, len(self._inputs), BATCH)):
                rows = _rows(layer, entering(fed(self._inputs[start : start + BATCH]), training=False))
                if len(places) <= index:
                    count = min(POSITIONS, rows.shape[1])
                    places.append(
                        self._rng.permuted(np.tile(np.arange(rows.shape[1]), (len(rows), 1)), axis=1)[:, :count]
                    )
                parts.append(np.take_along_axis(rows, places[index][..., None], axis=1).reshape(-1, rows.shape[-1]))
            taken.append(np.concatenate(parts).astype(np.float64))
        return taken[0], taken[1]


def _rows(layer: KerasLayer, entering: TfTensor) -> NDArray[np.float32]:
    """``[images, places, inputs of an output]``."""
    if hasattr(layer, "kernel_size"):
        entering = tensorflow().image.extract_patches(
            entering,
            sizes=[1, *layer.kernel_size, 1],
            strides=[1, *layer.strides, 1],
            rates=[1, *layer.dilation_rate, 1],
            padding=layer.padding.upper(),
        )
    values = np.asarray(entering)
    return values.reshape(len(values), -1, values.shape[-1])


def _fit(old: KerasLayer, layer: KerasLayer, outputs: Ids, sampled: _Sampled) -> None:
    whole, left = sampled.take(layer.name)
    kernel = layer.kernel.numpy().astype(np.float64).reshape(left.shape[1], -1)
    missing = whole @ _matrix(old)[:, outputs] - left @ kernel
    mean, middle = (left.mean(axis=0), missing.mean(axis=0)) if layer.use_bias else (0.0, 0.0)
    inputs, wanted = left - mean, missing - middle
    energy = inputs.T @ inputs
    pull = RIDGE * np.trace(energy) / len(energy)
    if not (np.isfinite(pull) and np.all(np.isfinite(wanted))):
        raise Unsuited(
            f"Expected finite numbers to enter layer {layer.name}. Received: some that are not, of training samples. "
            f"Train the network so that its layers give finite numbers, or set repair: none."
        )
    # nothing ever enters a layer behind ReLUs that are dead: its bias alone can make up for anything
    change = np.linalg.solve(energy + pull * np.eye(len(energy)), inputs.T @ wanted) if pull else np.zeros_like(kernel)
    layer.kernel.assign((kernel + change).reshape(layer.kernel.shape))
    if layer.use_bias:
        layer.bias.assign(layer.bias.numpy() + middle - mean @ change)


def _matrix(layer: KerasLayer) -> Rows:
    kernel = layer.kernel.numpy().astype(np.float64)
    return np.asarray(kernel.reshape(-1, kernel.shape[-1]))
