"""Recurrent networks for texts.

A file keeps LSTM as one operator with a state; slimline sets it back before each sample. An unrolled one has a copy of
its step for each token and no state: larger as a file and slower in float32, but the only form of GRU that becomes an
int8 file, and the faster one of LSTM there.
"""

from tasks.backend import TfTensor, keras

UNITS = 32


def lstm(words: TfTensor) -> TfTensor:
    """Return what an LSTM remembers of a text (Hochreiter and Schmidhuber, Neural Computation 9 (1997)).

    Args:
        words: rows of its tokens, ``[batch, length, width]``.
    """
    return keras().layers.LSTM(UNITS, name="memory")(words)


def lstm_unrolled(words: TfTensor) -> TfTensor:
    """Return the same as :func:`lstm`, by a copy of its step for each token.

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    return keras().layers.LSTM(UNITS, unroll=True, name="memory")(words)


def gru(words: TfTensor) -> TfTensor:
    """Return what an unrolled GRU remembers of a text (Cho et al., arXiv:1406.1078).

    Args:
        words: rows of its tokens, ``[batch, length, width]``.
    """
    return keras().layers.GRU(UNITS, unroll=True, name="memory")(words)


def bilstm(words: TfTensor) -> TfTensor:
    """Return what two LSTMs remember, of which one reads a text forwards and the other backwards.

    Args:
        words: rows of its tokens, ``[batch, length, width]``.
    """
    layers = keras().layers
    return layers.Bidirectional(layers.LSTM(UNITS), name="both_ways")(words)


def stacked_lstm(words: TfTensor) -> TfTensor:
    """Return what an LSTM remembers of what another one has said of each token.

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    said = keras().layers.LSTM(UNITS, return_sequences=True, name="lower")(words)
    return keras().layers.LSTM(UNITS, name="upper")(said)
