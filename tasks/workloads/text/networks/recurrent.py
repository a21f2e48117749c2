"""Recurrent networks for texts.

A file keeps LSTM as one operator with a state; slimline sets it back before each sample. An unrolled one has a copy of
its step for each token and no state: larger as a file and slower in float32, but the only form of GRU that becomes an
int8 file, and the faster one of LSTM there.
"""

from tasks.backend import TfTensor, keras

UNITS = 32


def lstm(words: TfTensor, units: int = UNITS) -> TfTensor:
    """Return what an LSTM remembers of a text (Hochreiter and Schmidhuber, Neural Computation 9 (1997)).

    Args:
        words: rows of its tokens, ``[batch, length, width]``.
        units: of each recurrent layer.
    """
    return keras().layers.LSTM(units, name="memory")(words)


def lstm_unrolled(words: TfTensor, units: int = UNITS) -> TfTensor:
    """Return the same as :func:`lstm`, by a copy of its step for each token.

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
        units: of each recurrent layer.
    """
    return keras().layers.LSTM(units, unroll=True, name="memory")(words)


def gru(words: TfTensor, units: int = UNITS) -> TfTensor:
    """Return what an unrolled GRU remembers of a text (Cho et al., arXiv:1406.1078).

    Args:
        words: rows of its tokens, ``[batch, length, width]``.
        units: of each recurrent layer.
    """
    return keras().layers.GRU(units, unroll=True, name="memory")(words)


def bilstm(words: TfTensor, units: int = UNITS) -> TfTensor:
    """Return what two LSTMs remember, of which one reads a text forwards and the other backwards.

    Args:
        words: rows of its tokens, ``[batch, length, width]``.
        units: of each recurrent layer.
    """
    layers = keras().layers
    return layers.Bidirectional(layers.LSTM(units), name="both_ways")(words)


def stacked_lstm(words: TfTensor, units: int = UNITS) -> TfTensor:
    """Return what an LSTM remembers of what another one has said of each token.

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
        units: of each recurrent layer.
    """
    said = keras().layers.LSTM(units, return_sequences=True, name="lower")(words)
    return keras().layers.LSTM(units, name="upper")(said)
