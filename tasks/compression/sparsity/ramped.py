"""Pruning by magnitude through TFMOT, masks chosen anew while training goes on."""

from collections.abc import Collection
from typing import Any, Literal

import numpy as np

from tasks.backend import KerasLayer, KerasModel
from tasks.compression.layers import with_layers
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.sparsity.constraint import hold_zeros
from tasks.compression.sparsity.gradual import Ramp, pruning_gradually
from tasks.compression.sparsity.patterns import Pattern, best_of_groups
from tasks.compression.technique import Context
from tasks.compression.tfmot import prunable, tfmot
from tasks.compression.weights import Weight, weights
from tasks.learning.pipeline import steps_per_epoch
from tasks.learning.saving import copy_model
from tasks.samples import read_dataset


def prune_by_ramp(
    model: KerasModel,
    paths: Collection[str],
    sparsity: float,
    kind: Literal["polynomial", "constant"],
    pattern: Pattern,
    block: Retraining,
    context: Context,
) -> KerasModel:
    """Return a trained copy of a network whose named weights are pruned.

    TFMOT prunes the kernels of convolutions and dense layers; others are pruned along the same ramp here. TFMOT
    chooses ``n:m`` once, at the beginning, along the last axis but one, of kernels of two and four dimensions; for
    others the same is done here.

    Args:
        model: the network; stays as it is.
        paths: of the weights.
        sparsity: at the end.
        kind: of the ramp.
        pattern: of the zeros.
        block: how the training goes.
        context: of the recipe.
    """
    steps = steps_per_epoch(read_dataset(context.prepared), context.batch_size) * block.epochs
    ramp = Ramp(kind, sparsity, steps)
    copy = copy_model(model)
    chosen = [weight for path, weight in weights(copy).items() if path in paths]
    wrapped = {weight.path: weight for weight in chosen if by_tfmot(weight) and _finds_groups(weight, pattern)}
    own = [weight for weight in chosen if weight.path not in wrapped]
    for weight in own if pattern.kind == "n:m" else ():
        _prune_groups(weight, pattern)
    for weight in (*own, *wrapped.values()):
        hold_zeros(weight.variable)

    def change(layer: KerasLayer) -> KerasLayer:
        if layer.name not in wrapped:
            return layer
        schedule = ramp.schedule(wrapped[layer.name].sparsity())
        pruned: KerasLayer = tfmot().sparsity.keras.prune_low_magnitude(layer, schedule, **_settings(pattern))
        return pruned

    callbacks = [tfmot().sparsity.keras.UpdatePruningStep()] if wrapped else []
    if own and pattern.kind != "n:m":
        callbacks.append(pruning_gradually(own, ramp, pattern))
    changed = with_layers(copy, change)
    retrain(changed, block, context, callbacks, keep_best=False)
    return copy_model(tfmot().sparsity.keras.strip_pruning(changed))


def by_tfmot(weight: Weight) -> bool:
    """Return whether TFMOT prunes this weight, of a layer of the network itself.

    Args:
        weight: of the network.
    """
    return weight.path == weight.layer.name and weight.name == "kernel" and prunable(weight.layer)


def _finds_groups(weight: Weight, pattern: Pattern) -> bool:
    """Return whether TFMOT finds the inputs of a kernel, where it has to."""
    inputs = weight.only("reads")
    return pattern.kind != "n:m" or (len(weight.shape) in (2, 4) and inputs == len(weight.shape) - 2)


def _prune_groups(weight: Weight, pattern: Pattern) -> None:
    values = weight.values()
    stay = best_of_groups(weight.oriented(np.abs(values)), pattern.n, pattern.m)
    weight.assign(values * weight.restored(stay))


def _settings(pattern: Pattern) -> dict[str, Any]:
    if pattern.kind == "n:m":
        return {"sparsity_m_by_n": (pattern.m - pattern.n, pattern.m)}
    if pattern.kind == "block":
        return {"block_size": (pattern.n, pattern.m), "block_pooling_type": "AVG"}
    return {}
