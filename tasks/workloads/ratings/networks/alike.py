"""Factors whose products say how alike items are: the smallest network, with one table for both of its ends."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel, keras, tensorflow
from tasks.workloads.outcomes.ranking.references import References, references
from tasks.workloads.ratings.networks.least_squares import common_root
from tasks.workloads.ratings.networks.parts import entries
from tasks.workloads.shared_table import shared_table

WIDTH = 32  # numbers of an item's row
SHARE = 0.3  # of iALS beside EASE
SEED = 0


def similarity(length: int, items: int, users: int, dropout: float, width: int = WIDTH) -> KerasModel:
    """Build ``Σ q_j · q_i`` over the items j of a history: a symmetric, factored similarity of items.

    One table has the rows that are summed and those that the sum is multiplied by, so that it is half of what FISM has.
    :func:`solve_similarity` sets it; training goes on from there in recipes.

    Args:
        length: items of a history.
        items: that are ranked.
        users: that are known by a number; they do not count here.
        dropout: rate before the scores.
        width: numbers of an item's row.

    Returns:
        a model from int32 ``[batch, length]`` to scores ``[batch, items]``, not compiled.
    """
    tf_keras = keras()
    history, inputs = entries(length, users)
    table = shared_table()(items + 1, width, name="table")
    found = tensorflow().reduce_sum(table(history), axis=1)
    if dropout:
        found = tf_keras.layers.Dropout(dropout)(found)
    scores = table(found)[:, 1:]  # the first row stands for nothing
    return tf_keras.Model(inputs if len(inputs) > 1 else inputs[0], scores, name="similarity")


def solve_similarity(model: KerasModel, folder: Path) -> None:
    """Set the table to the factors of EASE and iALS together, on the training split.

    Of EASE counts the symmetric part of its weights, of iALS its first approximation of a user: the products of the
    factors, where what all users have in common is the identity. Of the sum the largest eigenvalues stay, turned at
    random, so that every column weighs alike and few bits are enough. Where there are too many items for EASE, iALS
    counts alone.

    Args:
        model: the network.
        folder: of the prepared data.
    """
    table = model.get_layer("table")
    width = int(table.get_weights()[0].shape[1])
    factors = _turned(_factors(references(folder), width))
    table.set_weights([np.concatenate([np.zeros((1, width)), factors])])


def _factors(known: References, width: int) -> NDArray[np.float64]:
    """Return the factors ``[items, width]`` whose products come nearest to both references."""
    own = known.items.astype(np.float64) @ common_root(known).T
    if not known.pairs.size:
        _, _, axes = np.linalg.svd(own, full_matrices=False)
        return _filled(own @ axes[:width].T, width)
    pairs = known.pairs.astype(np.float64)
    both = [pairs + pairs.T, own @ own.T]
    ease, ials = (each / np.linalg.norm(each - np.diag(np.diag(each))) for each in both)
    values, axes = np.linalg.eigh(ease + SHARE * ials)
    found = axes[:, -width:] * np.sqrt(np.maximum(values[-width:], 0))
    return _filled(found, width)


def _filled(factors: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return factors with zeros behind them where there are fewer than wanted."""
    return np.pad(factors, ((0, 0), (0, width - factors.shape[1])))


def _turned(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return factors with the same products, whose axes are random ones."""
    drawn = np.random.default_rng(SEED).standard_normal((factors.shape[1],) * 2)
    axes, upper = np.linalg.qr(drawn)
    return np.asarray(factors @ (axes * np.sign(np.diag(upper))))
