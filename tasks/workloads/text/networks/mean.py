"""Means of embeddings, in the form of fastText."""

from tasks.backend import KerasModel, keras
from tasks.workloads.text.networks.parts import WIDTH, answering, embedded


def mean_embedding(length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH) -> KerasModel:
    """Build a table of which the rows of all tokens are averaged, and a linear layer (Joulin et al., arXiv:1607.01759).

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the linear layer.
        width: numbers of a token's row.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    tokens, words = embedded(length, rows, width, skip_padding=True)
    features = keras().layers.GlobalAveragePooling1D(name="mean")(words)
    return answering(tokens, features, outputs, dropout, "mean_embedding")


def mean_max_embedding(length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH) -> KerasModel:
    """Build a table of whose rows the mean and the greatest numbers count, and a linear layer (arXiv:1805.09843).

    What is no token has a row, too, so that nothing has to be passed over.

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the linear layer.
        width: numbers of a token's row.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    layers = keras().layers
    tokens, words = embedded(length, rows, width)
    found = [layers.GlobalAveragePooling1D(name="mean")(words), layers.GlobalMaxPooling1D(name="most")(words)]
    return answering(tokens, layers.Concatenate(name="found")(found), outputs, dropout, "mean_max_embedding")
