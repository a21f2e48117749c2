"""The beginning and the end of all networks for texts."""

from collections.abc import Callable
from functools import partial, update_wrapper

from tasks.backend import KerasModel, TfTensor, keras
from tasks.workloads.text.settings import TOKENS

WIDTH = 16  # numbers of a token's row
Features = Callable[[TfTensor], TfTensor]  # [batch, length, WIDTH] to [batch, n]
Builder = Callable[[int, int, int, float], KerasModel]


def text_network(features: Features, skip_padding: bool = False) -> Builder:
    """Return the builder of a network that has a table of tokens in front of features and a linear layer behind.

    Args:
        features: gives what the linear layer sees of the rows of a text's tokens; its name becomes the network's.
        skip_padding: whether its layers are to pass over what is no token.
    """
    return update_wrapper(partial(_build, features, skip_padding), features, ("__name__", "__doc__"), ())


def _build(features: Features, skip_padding: bool, length: int, rows: int, outputs: int, dropout: float) -> KerasModel:
    """Build a network for texts.

    Args:
        features: of the network.
        skip_padding: whether its layers pass over what is no token.
        length: tokens of a text.
        rows: of the table.
        outputs: number of logits.
        dropout: rate before the last layer.

    Returns:
        a model from int32 ``[batch, length]`` to logits ``[batch, outputs]``, not compiled.
    """
    layers = keras().layers
    tokens = keras().Input((length,), dtype="int32", name=TOKENS)
    found = features(layers.Embedding(rows, WIDTH, mask_zero=skip_padding, name="table")(tokens))
    if dropout:
        found = layers.Dropout(dropout)(found)
    return keras().Model(tokens, layers.Dense(outputs, name="logits")(found), name=getattr(features, "__name__", None))
