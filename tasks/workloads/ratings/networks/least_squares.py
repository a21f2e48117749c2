"""iALS as a network: the items' factors are solved for, and a user's are, on the device, for each history."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.workloads.outcomes.ranking.references import FACTORS, UNSEEN, References, references
from tasks.workloads.ratings.networks.parts import entries

STEPS = 4  # of conjugate gradients; more change hardly anything
TINY = 1e-12


def ials(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build the folding-in of implicit alternating least squares (Hu, Koren and Volinsky, ICDM 2008).

    A user's factors are where the loss is least, for the items' as they are: conjugate gradients come there in some
    steps (M. R. Hestenes and E. Stiefel, 1952), each a few small products. :func:`solve` sets the weights; training
    goes on from there in recipes.

    Args:
        length: items of a history.
        items: that are ranked.
        users: that are known by a number; they do not count here.
        dropout: rate of the user's factors.

    Returns:
        a model from int32 ``[batch, length]`` to scores ``[batch, items]``, not compiled.
    """
    tf, layers = tensorflow(), keras().layers
    history, inputs = entries(length, users)
    there = tf.cast(tf.minimum(history, 1), tf.float32)
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    rows = layers.Embedding(items + 1, FACTORS, name="table")(history) * there[:, :, None]
    ridge = layers.Dense(FACTORS, use_bias=False, kernel_initializer="identity", name="ridge")

    def times(vector: TfTensor) -> TfTensor:
        along = tf.reduce_sum(rows * vector[:, None, :], axis=2, keepdims=True)
        return vector + tf.reduce_sum(rows * along, axis=1) + count * ridge(vector)

    factors = _solved(times, tf.reduce_sum(rows, axis=1))
    if dropout:
        factors = layers.Dropout(dropout)(factors)
    scores = layers.Dense(items, use_bias=False, name="scores")(factors)
    return keras().Model(inputs if len(inputs) > 1 else inputs[0], scores, name="ials")


def _solved(times: Callable[[TfTensor], TfTensor], wanted: TfTensor) -> TfTensor:
    """Return what gives the wanted vector when it is multiplied, ``[batch, factors]``, by conjugate gradients."""
    tf = tensorflow()

    def size(one: TfTensor, other: TfTensor) -> TfTensor:
        return tf.reduce_sum(one * other, axis=1, keepdims=True)

    rest = direction = wanted
    found, length = None, size(rest, rest)
    for step in range(STEPS):
        turned = times(direction)
        stride = length / tf.maximum(size(direction, turned), TINY)
        found = stride * direction if found is None else found + stride * direction
        if step == STEPS - 1:
            break
        rest = rest - stride * turned
        before, length = length, size(rest, rest)
        direction = rest + length / tf.maximum(before, TINY) * direction
    return found


def solve(model: KerasModel, folder: Path) -> None:
    """Set the weights of :func:`ials` to those that are solved for on the training split.

    Args:
        model: the network.
        folder: of the prepared data.
    """
    known = references(folder)
    items = known.items.astype(np.float64)
    root = common_root(known)
    turned = items @ root.T
    model.get_layer("table").set_weights([np.concatenate([np.zeros((1, FACTORS)), turned])])
    model.get_layer("ridge").set_weights([known.ridge * root @ root.T])
    model.get_layer("scores").set_weights([turned.T])


def common_root(known: References) -> NDArray[np.float64]:
    """Return the matrix that turns what all users have in common of their equations into the identity.

    Few steps of conjugate gradients are enough then, and 32 bits.

    Args:
        known: the references.
    """
    items = known.items.astype(np.float64)
    common = UNSEEN * (items.T @ items + known.ridge * len(items) * np.eye(FACTORS))
    return np.asarray(np.linalg.inv(np.linalg.cholesky(common)))
