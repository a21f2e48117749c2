"""A very small transformer for texts."""

from tasks.backend import TfTensor, keras
from tasks.workloads.text.networks.parts import WIDTH

HEADS, WIDER = 2, 32


def tiny_transformer(words: TfTensor) -> TfTensor:
    """Return the mean of what one encoder block of two heads gives (Vaswani et al., arXiv:1706.03762).

    A convolution over each token and its neighbours stands for their places (Chu et al., arXiv:2102.10882).

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    layers = keras().layers
    beside = layers.Conv1D(WIDTH, 3, padding="same", name="neighbours")(words)
    placed = layers.Add(name="with_neighbours")([words, beside])
    attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name="attention")(placed, placed)
    normal = layers.LayerNormalization(name="normal_1")(layers.Add(name="with_attention")([placed, attended]))
    wider = layers.Dense(WIDTH, name="narrow")(layers.Dense(WIDER, activation="relu", name="wide")(normal))
    normal = layers.LayerNormalization(name="normal_2")(layers.Add(name="with_wider")([normal, wider]))
    return layers.GlobalAveragePooling1D(name="mean")(normal)
