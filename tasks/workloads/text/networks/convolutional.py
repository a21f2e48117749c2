"""A convolutional network for texts."""

from tasks.backend import KerasModel, keras
from tasks.workloads.text.networks.parts import WIDTH, answering, embedded

FILTERS = 32  # of each width
WIDTHS = (2, 3, 4)  # tokens that a filter sees


def text_cnn(
    length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, filters: int = FILTERS
) -> KerasModel:
    """Build convolutions over two, three and four tokens, each followed by its maximum (Kim, arXiv:1408.5882).

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.
        width: numbers of a token's row.
        filters: of each width.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    layers = keras().layers
    tokens, words = embedded(length, rows, width)
    found = [
        layers.GlobalMaxPooling1D(name=f"most_{seen}")(
            layers.Conv1D(filters, seen, padding="same", activation="relu", name=f"of_{seen}")(words)
        )
        for seen in WIDTHS
    ]
    return answering(tokens, layers.Concatenate(name="found")(found), outputs, dropout, "text_cnn")
