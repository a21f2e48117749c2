"""A convolutional network for texts."""

from tasks.backend import TfTensor, keras

FILTERS = 32  # of each width
WIDTHS = (2, 3, 4)  # tokens that a filter sees


def text_cnn(words: TfTensor) -> TfTensor:
    """Return the maxima of convolutions over two, three and four tokens (Kim, arXiv:1408.5882).

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    layers = keras().layers
    found = [
        layers.GlobalMaxPooling1D(name=f"most_{width}")(
            layers.Conv1D(FILTERS, width, padding="same", activation="relu", name=f"of_{width}")(words)
        )
        for width in WIDTHS
    ]
    return layers.Concatenate(name="found")(found)
