"""A convolutional network for texts."""

from tasks.backend import TfTensor, keras

FILTERS = 32  # of each width
WIDTHS = (2, 3, 4)  # tokens that a filter sees


def text_cnn(words: TfTensor, filters: int = FILTERS) -> TfTensor:
    """Return the maxima of convolutions over two, three and four tokens (Kim, arXiv:1408.5882).

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
        filters: of each width.
    """
    layers = keras().layers
    found = [
        layers.GlobalMaxPooling1D(name=f"most_{seen}")(
            layers.Conv1D(filters, seen, padding="same", activation="relu", name=f"of_{seen}")(words)
        )
        for seen in WIDTHS
    ]
    return layers.Concatenate(name="found")(found)
