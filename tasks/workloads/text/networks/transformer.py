"""A very small transformer for texts."""

from tasks.backend import KerasModel, keras
from tasks.workloads.text.networks.parts import WIDTH, answering, embedded

HEADS, WIDER = 2, 32


def tiny_transformer(length: int, rows: int, outputs: int, dropout: float) -> KerasModel:
    """Build one encoder block of two heads (Vaswani et al., arXiv:1706.03762).

    A convolution over each token and its neighbours stands for their places (Chu et al., arXiv:2102.10882).

    Args:
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    tf_keras = keras()
    layers = tf_keras.layers
    tokens, words = embedded(length, rows)
    beside = layers.Conv1D(WIDTH, 3, padding="same", name="neighbours")(words)
    placed = layers.Add(name="with_neighbours")([words, beside])
    attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name="attention")(placed, placed)
    normal = layers.LayerNormalization(name="normal_1")(layers.Add(name="with_attention")([placed, attended]))
    wider = layers.Dense(WIDTH, name="narrow")(layers.Dense(WIDER, activation="relu", name="wide")(normal))
    normal = layers.LayerNormalization(name="normal_2")(layers.Add(name="with_wider")([normal, wider]))
    features = layers.GlobalAveragePooling1D(name="mean")(normal)
    return answering(tokens, features, outputs, dropout, "tiny_transformer")
