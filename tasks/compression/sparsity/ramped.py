"""Pruning by magnitude through TFMOT, masks chosen anew while training goes on."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tasks.backend import KerasLayer, KerasModel
from tasks.compression.layers import hold_zeros, kernel_of, oriented, output_axis, with_layers
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.sparsity.patterns import Pattern, best_of_groups
from tasks.compression.technique import Context
from tasks.compression.tfmot import tfmot
from tasks.learning.pipeline import steps_per_epoch
from tasks.learning.saving import copy_model
from tasks.samples import read_dataset

RAMP = 0.7  # share of the steps after which a polynomial schedule has reached the final sparsity
UPDATES = 20  # times the masks are chosen anew within the ramp


@dataclass(frozen=True)
class Ramp:
    """The rise of a layer's sparsity."""

    kind: Literal["polynomial", "constant"]
    final: float
    steps: int

    def schedule(self, present: float) -> Any:
        """The schedule of a layer that has a sparsity of ``present``, which it does not fall below."""
        schedules = tfmot().sparsity.keras
        final = max(self.final, present)
        ramp = max(1, int(self.steps * RAMP))
        frequency = max(1, ramp // UPDATES)
        ramp -= ramp % frequency  # masks are chosen anew at multiples of it only, and the last of them has to be final
        if self.kind == "constant":
            return schedules.ConstantSparsity(final, begin_step=0, end_step=self.steps, frequency=frequency)
        return schedules.PolynomialDecay(present, final, begin_step=0, end_step=ramp, frequency=frequency)


def prune_by_ramp(
    model: KerasModel,
    layers: Collection[str],
    sparsity: float,
    kind: Literal["polynomial", "constant"],
    pattern: Pattern,
    block: Retraining,
    context: Context,
) -> KerasModel:
    """A trained copy of ``model`` whose named layers are pruned.

    TFMOT chooses ``n:m`` once, at the beginning, along the last axis but one, of kernels of two and four dimensions;
    for others the same is done here.
    """
    steps = steps_per_epoch(read_dataset(context.prepared), context.batch_size) * block.epochs
    ramp = Ramp(kind, sparsity, steps)

    def change(layer: KerasLayer) -> KerasLayer:
        if layer.name not in layers:
            return layer
        if pattern.kind == "n:m" and not _in_groups(layer):
            _prune_groups(layer, pattern)
            hold_zeros(layer)
            return layer
        hold_zeros(layer)
        present = float(np.mean(kernel_of(layer).numpy() == 0))
        schedule = ramp.schedule(present)
        pruned: KerasLayer = tfmot().sparsity.keras.prune_low_magnitude(layer, schedule, **_settings(pattern))
        return pruned

    wrapped = with_layers(model, change)
    retrain(wrapped, block, context, [tfmot().sparsity.keras.UpdatePruningStep()], keep_best=False)
    return copy_model(tfmot().sparsity.keras.strip_pruning(wrapped))


def _in_groups(layer: KerasLayer) -> bool:
    """Return whether TFMOT finds the inputs of this layer's kernel."""
    return len(kernel_of(layer).shape) in (2, 4) and output_axis(layer) == -1


def _prune_groups(layer: KerasLayer, pattern: Pattern) -> None:
    kernel = kernel_of(layer)
    values = kernel.numpy()
    stay = best_of_groups(oriented(layer, np.abs(values)), pattern.n, pattern.m)
    kernel.assign(values * oriented(layer, stay))


def _settings(pattern: Pattern) -> dict[str, Any]:
    if pattern.kind == "n:m":
        return {"sparsity_m_by_n": (pattern.m - pattern.n, pattern.m)}
    if pattern.kind == "block":
        return {"block_size": (pattern.n, pattern.m), "block_pooling_type": "AVG"}
    return {}
