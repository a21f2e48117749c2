"""Pruning with masks of its own: at once, or in rounds with training between (Han et al. 2015, arXiv:1506.02626)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.sparsity.constraint import hold_all_zeros
from tasks.compression.sparsity.criteria import Criterion, score_weights
from tasks.compression.sparsity.patterns import Pattern, choose
from tasks.compression.technique import Allocation, Context
from tasks.compression.weights import weights
from tasks.learning.saving import copy_model

APART = 100  # between the seeds of two rounds


@dataclass(frozen=True)
class Rounds:
    """The rounds of a pruning, its criterion and pattern; ``samples``: training samples that a criterion looks at."""

    criterion: Criterion
    sparsity: float
    pattern: Pattern
    allocation: Allocation
    count: int
    samples: int

    def sparsity_after(self, number: int) -> float:
        """Return the sparsity after a round: the cubic curve of Zhu and Gupta 2017 (arXiv:1710.01878).

        Args:
            number: of the round, from 1.
        """
        return self.sparsity * (1 - (1 - number / self.count) ** 3)


def prune_in_rounds(
    model: KerasModel, paths: Sequence[str], rounds: Rounds, block: Retraining, context: Context
) -> KerasModel:
    """Return a copy of a network that is scored, pruned and trained in each round; zeros stay zeros.

    Args:
        model: the network; stays as it is.
        paths: of the weights.
        rounds: how many, and what is pruned in each.
        block: how the training goes.
        context: of the recipe.
    """
    model = copy_model(model)
    for number in range(1, rounds.count + 1):
        seed = context.seed + APART * (number - 1)
        scores = score_weights(model, paths, rounds.criterion, rounds.samples, context.prepared, seed, context.outcome)
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
    """Return the entries of each weight that stay, in its shape.

    Zeros that there are go first, whatever the score.

    See :func:`tasks.compression.sparsity.patterns.choose`.

    Args:
        model: the network.
        scores: of the entries, by path.
        sparsity: of the weights together, or of each.
        pattern: of the zeros.
        allocation: whether the weights share one threshold.
    """
    every = weights(model)
    ordered = {path: np.where(every[path].values() == 0, -1.0, score) for path, score in scores.items()}
    scored = {path: every[path].oriented(score) for path, score in ordered.items()}
    chosen = choose(scored, sparsity, pattern, allocation)
    return {path: every[path].restored(stay) for path, stay in chosen.items()}


def set_masks(model: KerasModel, masks: dict[str, NDArray[np.bool_]]) -> None:
    """Set what does not stay to zero.

    Args:
        model: the network, which is changed.
        masks: the entries that stay, by path.
    """
    every = weights(model)
    for path, stay in masks.items():
        every[path].assign(every[path].values() * stay)
