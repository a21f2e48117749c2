"""The beginning and the end of all networks for texts."""

from tasks.backend import KerasModel, TfTensor, keras
from tasks.workloads.text.settings import TOKENS

WIDTH = 16  # numbers of a token's row


def embedded(length: int, rows: int, width: int = WIDTH, skip_padding: bool = False) -> tuple[TfTensor, TfTensor]:
    """Return the input, and the row of the table for each token, ``[batch, length, width]``.

    Args:
        length: tokens of a text.
        rows: of the table.
        width: of a row.
        skip_padding: whether later layers are to pass over what is no token.
    """
    tf_keras = keras()
    tokens = tf_keras.Input((length,), dtype="int32", name=TOKENS)
    return tokens, tf_keras.layers.Embedding(rows, width, mask_zero=skip_padding, name="table")(tokens)


def answering(tokens: TfTensor, features: TfTensor, outputs: int, dropout: float, name: str) -> KerasModel:
    """Return the model that gives logits of features.

    Args:
        tokens: the input.
        features: ``[batch, n]``.
        outputs: number of logits.
        dropout: rate before them.
        name: of the model.
    """
    tf_keras = keras()
    if dropout:
        features = tf_keras.layers.Dropout(dropout)(features)
    return tf_keras.Model(tokens, tf_keras.layers.Dense(outputs, name="logits")(features), name=name)
