"""The beginnings and the ends of networks for ratings.

A builder takes ``length`` (items of a history), ``items`` (that are ranked), ``users`` (that are known by a number; 0:
none are) and ``dropout`` (a rate). Its model goes from int32 ``[batch, length]``, and from ``[batch, 1]`` where users
are known, to scores ``[batch, items]`` and is not compiled.
"""

from collections.abc import Callable

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.workloads.ratings.settings import HISTORY, USER

Builder = Callable[[int, int, int, float], KerasModel]
Features = Callable[[TfTensor, int], TfTensor]  # of a history, and how many items there are: [batch, n]
Scores = Callable[[TfTensor, int, int, float], TfTensor]  # of a user; items, users and dropout: [batch, items]


def history_network(features: Features) -> Builder:
    """Return the builder of a network that scores items by a linear layer over what a history says.

    Users do not count, be they known by a number or not; dropout comes before the scores.

    Args:
        features: gives what the linear layer sees; its name becomes the network's.
    """
    name = getattr(features, "__name__", None)

    def build(length: int, items: int, users: int, dropout: float) -> KerasModel:
        layers = keras().layers
        history, inputs = entries(length, users)
        found = features(history, items)
        if dropout:
            found = layers.Dropout(dropout)(found)
        scores = layers.Dense(items, name="scores")(found)
        return keras().Model(inputs if len(inputs) > 1 else inputs[0], scores, name=name)

    build.__name__, build.__doc__ = str(name), features.__doc__
    return build


def user_network(scores: Scores) -> Builder:
    """Return the builder of a network that knows users by their numbers; their histories do not count.

    The builder raises ValueError where no users are known.

    Args:
        scores: gives the score of each item; its name becomes the network's.
    """
    name = getattr(scores, "__name__", None)

    def build(length: int, items: int, users: int, dropout: float) -> KerasModel:
        _check_users(users, name)
        _, inputs = entries(length, users)
        return keras().Model(inputs, scores(inputs[1], items, users, dropout), name=name)

    build.__name__, build.__doc__ = str(name), scores.__doc__
    return build


def entries(length: int, users: int) -> tuple[TfTensor, list[TfTensor]]:
    """Return the input of the history, and all inputs.

    Args:
        length: items of a history.
        users: that are known by a number; 0: none are.
    """
    tf_keras = keras()
    history = tf_keras.Input((length,), dtype="int32", name=HISTORY)
    return history, [history, *([tf_keras.Input((1,), dtype="int32", name=USER)] if users else [])]


def summed(history: TfTensor, items: int, width: int) -> TfTensor:
    """Return what a history says: the sum of its items' rows by the root of their number, ``[batch, width]``.

    Args:
        history: the input.
        items: that are ranked.
        width: of a row.
    """
    tf = tensorflow()
    rows = keras().layers.Embedding(items + 1, width, name="table")(history)
    there = tf.cast(tf.minimum(history, 1), tf.float32)
    total = tf.reduce_sum(rows * there[:, :, None], axis=1)
    return total / tf.sqrt(tf.maximum(tf.reduce_sum(there, axis=1, keepdims=True), 1.0))


def _check_users(users: int, name: str | None) -> None:
    if not users:
        raise ValueError(f"no users for {name}, which knows them by numbers: set data.ratings.user_table to true.")
