"""Networks that predict ratings.

A builder takes ``length`` (items of a history), ``items`` (that are known), ``users`` (that are known by a number; 0:
none are), ``middle`` (of the range of ratings) and ``dropout`` (a rate), and gives an uncompiled ``tf_keras`` model
from the rows of a history's items, their ratings, and the user's row where users count, to a rating of an item that is
not known and of each item.
"""

from collections.abc import Callable

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.workloads.ratings.settings import HISTORY, USER
from tasks.workloads.stars.settings import STARS

WIDTH = 16  # numbers of an item's row
RIDGE = 5.0  # ratings that a user's mean counts less than what is expected of everybody
SMALL = 0.02  # deviation of first weights: predictions begin at what is expected of everybody

Builder = Callable[[int, int, int, float, float], KerasModel]


def biases(length: int, items: int, users: int, middle: float, dropout: float) -> KerasModel:  # noqa: ARG001
    """Build ``μ + b_i + b_u``: how an item is rated, and by how much a user rates higher than others do.

    Args:
        length: items of a history.
        items: that are known.
        users: that are known by a number; they do not count here.
        middle: of the range of ratings.
        dropout: does not count here.

    Returns:
        a model to ratings ``[batch, 1 + items]``, not compiled.
    """
    inputs, _, _, lean = _parts(length, items, users, middle)
    none = keras().layers.Dense(1 + items, name="ratings", **_from(middle))
    found = none(lean * 0.0) + lean
    return keras().Model(inputs, found, name="biases")


def asymmetric_svd(
    length: int, items: int, users: int, middle: float, dropout: float, width: int = WIDTH
) -> KerasModel:
    """Build ``μ + b_i + b_u + q_i · p_u``, in which a user is made of what she rated, and how.

    ``p_u = Σ_j ((r_uj − b_j) x_j + y_j) / √n``, over her n ratings: Y. Koren, Factorization Meets the Neighborhood, KDD
    2008, 426-434. Unknown users are answered at once.

    Args:
        length: items of a history.
        items: that are known.
        users: that are known by a number; they do not count here.
        middle: of the range of ratings.
        dropout: rate of a user's factors.
        width: numbers of an item's row.

    Returns:
        a model to ratings ``[batch, 1 + items]``, not compiled.
    """
    tf, layers = tensorflow(), keras().layers
    inputs, there, rest, lean = _parts(length, items, users, middle)
    rated = layers.Embedding(items + 1, width, embeddings_initializer=_small(), name="rated")(inputs[0])
    seen = layers.Embedding(items + 1, width, embeddings_initializer=_small(), name="seen")(inputs[0])
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    factors = tf.reduce_sum(rated * rest[:, :, None] + seen * there[:, :, None], axis=1)
    factors = factors / tf.sqrt(tf.maximum(count, 1.0))
    if dropout:
        factors = layers.Dropout(dropout)(factors)
    found = layers.Dense(1 + items, kernel_initializer=_small(), name="ratings", **_at(middle))(factors) + lean
    return keras().Model(inputs, found, name="asymmetric_svd")


def matrix_factorization(
    length: int, items: int, users: int, middle: float, dropout: float, width: int = WIDTH
) -> KerasModel:
    """Build ``μ + b_i + b_u + q_i · p_u`` with a table of users.

    Y. Koren, R. Bell and C. Volinsky, Matrix Factorization Techniques, Computer 42 (2009), 30-37. A user's mean comes
    of the history, as in :func:`biases`.

    Args:
        length: items of a history.
        items: that are known.
        users: that are known by a number.
        middle: of the range of ratings.
        dropout: rate of a user's factors.
        width: numbers of a row.

    Returns:
        a model to ratings ``[batch, 1 + items]``, not compiled.

    Raises:
        ValueError: no users are known by a number.
    """
    if not users:
        raise ValueError("no users for matrix_factorization, which knows them by numbers: set user_table to true.")
    layers = keras().layers
    inputs, _, _, lean = _parts(length, items, users, middle)
    row = layers.Embedding(users + 1, width, embeddings_initializer=_small(), name="users")(inputs[-1])
    factors = layers.Flatten(name="user_row")(row)
    if dropout:
        factors = layers.Dropout(dropout)(factors)
    found = layers.Dense(1 + items, kernel_initializer=_small(), name="ratings", **_at(middle))(factors) + lean
    return keras().Model(inputs, found, name="matrix_factorization")


def _small() -> object:
    """Return small numbers at random, others with each call: tables that share an initializer begin equal."""
    return keras().initializers.RandomNormal(0.0, SMALL)


def _at(middle: float) -> dict[str, object]:
    """Return that biases of items begin at the middle."""
    return {"bias_initializer": keras().initializers.Constant(middle)}


def _from(middle: float) -> dict[str, object]:
    return {**_at(middle), "kernel_initializer": "zeros"}


def _parts(length: int, items: int, users: int, middle: float) -> tuple[list[TfTensor], TfTensor, TfTensor, TfTensor]:
    """Return the inputs, and what a history says.

    That is which of its items there are, and by how much they are rated above what is usual for them, ``[batch,
    length]`` each; and by how much the user rates above that in the mean, ``[batch, 1]``.
    """
    tf, tf_keras = tensorflow(), keras()
    history = tf_keras.Input((length,), dtype="int32", name=HISTORY)
    stars = tf_keras.Input((length,), dtype="float32", name=STARS)
    inputs = [history, stars, *([tf_keras.Input((1,), dtype="int32", name=USER)] if users else [])]
    there = tf.cast(tf.minimum(history, 1), tf.float32)
    start = tf_keras.initializers.Constant(middle)
    usual = tf_keras.layers.Embedding(items + 1, 1, embeddings_initializer=start, name="usual")(history)
    rest = (stars - tf.reshape(usual, (-1, length))) * there
    count = tf.reduce_sum(there, axis=1, keepdims=True)
    return inputs, there, rest, tf.reduce_sum(rest, axis=1, keepdims=True) / (count + RIDGE)


BUILDERS: dict[str, Builder] = {
    "asymmetric_svd": asymmetric_svd,
    "biases": biases,
    "matrix_factorization": matrix_factorization,
}
