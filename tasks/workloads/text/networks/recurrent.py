"""Recurrent networks for texts.

A file keeps LSTM as one operator with a state; slimline sets it back before each sample. An unrolled one has a copy of
its step for each token and no state: larger as a file and slower in float32, but the only form of GRU that becomes an
int8 file, and the faster one of LSTM there.
"""

from tasks.backend import KerasModel, TfTensor, keras
from tasks.workloads.text.networks.parts import WIDTH, answering, embedded

UNITS = 32


def lstm(length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, units: int = UNITS) -> KerasModel:
    """Build a table, an LSTM of 32 units (Hochreiter and Schmidhuber, Neural Computation 9 (1997)) and a linear layer.

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.
        width: numbers of a token's row.
        units: of each recurrent layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    tokens, words = embedded(length, rows, width)
    return answering(tokens, _lstm(words, "memory", units), outputs, dropout, "lstm")


def lstm_unrolled(
    length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, units: int = UNITS
) -> KerasModel:
    """Build the same as :func:`lstm`, with a copy of the LSTM's step for each token.

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.
        width: numbers of a token's row.
        units: of each recurrent layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    tokens, words = embedded(length, rows, width)
    return answering(tokens, _lstm(words, "memory", units, unroll=True), outputs, dropout, "lstm_unrolled")


def gru(length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, units: int = UNITS) -> KerasModel:
    """Build a table, an unrolled GRU of 32 units (Cho et al., arXiv:1406.1078) and a linear layer.

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.
        width: numbers of a token's row.
        units: of each recurrent layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    tokens, words = embedded(length, rows, width)
    features = keras().layers.GRU(units, unroll=True, name="memory")(words)
    return answering(tokens, features, outputs, dropout, "gru")


def bilstm(length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, units: int = UNITS) -> KerasModel:
    """Build an LSTM that reads a text forwards and one that reads it backwards, of 32 units each.

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.
        width: numbers of a token's row.
        units: of each recurrent layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    layers = keras().layers
    tokens, words = embedded(length, rows, width)
    features = layers.Bidirectional(layers.LSTM(units), name="both_ways")(words)
    return answering(tokens, features, outputs, dropout, "bilstm")


def stacked_lstm(
    length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, units: int = UNITS
) -> KerasModel:
    """Build two LSTMs of 32 units, the second over what the first has said of each token.

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.
        width: numbers of a token's row.
        units: of each recurrent layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    tokens, words = embedded(length, rows, width)
    said = keras().layers.LSTM(units, return_sequences=True, name="lower")(words)
    return answering(tokens, _lstm(said, "upper", units), outputs, dropout, "stacked_lstm")


def _lstm(words: TfTensor, name: str, units: int, unroll: bool = False) -> TfTensor:
    return keras().layers.LSTM(units, unroll=unroll, name=name)(words)
