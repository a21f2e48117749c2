"""A convolutional network for texts."""

from tasks.backend import KerasModel, keras
from tasks.workloads.text.networks.parts import answering, embedded

FILTERS = 32  # of each width
WIDTHS = (2, 3, 4)  # tokens that a filter sees


def text_cnn(length: int, rows: int, outputs: int, dropout: float) -> KerasModel:
    """Build convolutions over two, three and four tokens, each followed by its maximum (Kim, arXiv:1408.5882).

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    layers = keras().layers
    tokens, words = embedded(length, rows)
    found = [
        layers.GlobalMaxPooling1D(name=f"most_{width}")(
            layers.Conv1D(FILTERS, width, padding="same", activation="relu", name=f"of_{width}")(words)
        )
        for width in WIDTHS
    ]
    return answering(tokens, layers.Concatenate(name="found")(found), outputs, dropout, "text_cnn")
