"""Pruning with masks of its own: at once, or in rounds with training between (Han et al. 2015, arXiv:1506.02626)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel
from tasks.compression.layers import hold_all_zeros, kernel_of, kernels, oriented
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.sparsity.criteria import Criterion, score_weights
from tasks.compression.sparsity.patterns import Pattern, choose
from tasks.compression.technique import Allocation, Context
from tasks.learning.saving import copy_model

APART = 100  # between the seeds of two rounds


@dataclass(frozen=True)
class Rounds:
    """The rounds of a pruning, its criterion and pattern; ``samples``: training images that a criterion looks at."""

    criterion: Criterion
    sparsity: float
    pattern: Pattern
    allocation: Allocation
    count: int
    samples: int

    def sparsity_after(self, number: int) -> float:
        """Sparsity after a round, from 1: the cubic curve of Zhu and Gupta 2017 (arXiv:1710.01878)."""
        return self.sparsity * (1 - (1 - number / self.count) ** 3)


def prune_in_rounds(
    model: KerasModel, layers: Sequence[str], rounds: Rounds, block: Retraining, context: Context
) -> KerasModel:
    """A copy of ``model`` that is scored, pruned and trained in each round; zeros stay zeros."""
    model = copy_model(model)
    for number in range(1, rounds.count + 1):
        seed = context.seed + APART * (number - 1)
        scores = score_weights(model, layers, rounds.criterion, rounds.samples, context.prepared, seed)
        sparsity = rounds.sparsity_after(number)
        if rounds.count > 1:
            context.say(f"round {number}/{rounds.count}: sparsity {sparsity:.3f}")
        set_masks(model, masks(model, scores, sparsity, rounds.pattern, rounds.allocation))
        hold_all_zeros(model)
        if block.epochs:
            retrain(model, block, replace(context, seed=seed))
    return copy_model(model)


def masks(
    model: KerasModel, scores: dict[str, NDArray[np.float64]], sparsity: float, pattern: Pattern, allocation: Allocation
) -> dict[str, NDArray[np.bool_]]:
    """Return which weights stay, in the shape of each kernel; see :func:`tasks.compression.sparsity.patterns.choose`.

    Zeros that there are go first, whatever the score.
    """
    present = kernels(model)
    layers = {name: model.get_layer(name) for name in scores}
    ordered = {name: np.where(present[name] == 0, -1.0, score) for name, score in scores.items()}
    scored = {name: oriented(layers[name], score) for name, score in ordered.items()}
    chosen = choose(scored, sparsity, pattern, allocation)
    return {name: oriented(layers[name], stay) for name, stay in chosen.items()}


def set_masks(model: KerasModel, masks: dict[str, NDArray[np.bool_]]) -> None:
    """Set what does not stay to zero."""
    for name, stay in masks.items():
        kernel = kernel_of(model.get_layer(name))
        kernel.assign(kernel.numpy() * stay)
