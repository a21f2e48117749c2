"""The parts of networks for ratings."""

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.workloads.ratings.settings import HISTORY, USER


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


def ranking(inputs: list[TfTensor], features: TfTensor, items: int, dropout: float, name: str) -> KerasModel:
    """Return the model that gives a score for each item of features.

    Args:
        inputs: all of the network.
        features: ``[batch, n]``.
        items: that are ranked.
        dropout: rate before the scores.
        name: of the model.
    """
    tf_keras = keras()
    if dropout:
        features = tf_keras.layers.Dropout(dropout)(features)
    scores = tf_keras.layers.Dense(items, name="scores")(features)
    return tf_keras.Model(inputs if len(inputs) > 1 else inputs[0], scores, name=name)
