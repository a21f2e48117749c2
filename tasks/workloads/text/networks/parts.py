"""The beginning and the end of all networks for texts."""

import inspect
from collections.abc import Callable
from functools import update_wrapper

from tasks.backend import KerasModel, TfTensor, keras
from tasks.workloads.text.settings import TOKENS

WIDTH = 16  # numbers of a token's row
Features = Callable[..., TfTensor]  # [batch, length, width] and options by name to [batch, n]
Builder = Callable[..., KerasModel]


def text_network(features: Features, skip_padding: bool = False) -> Builder:
    """Return the builder of a network that has a table of tokens in front of features and a linear layer behind.

    It takes ``length`` (tokens of a text), ``rows`` (of the table), ``outputs`` and ``dropout`` (a rate), and by name
    ``width`` (numbers of a token's row) and what the features take. The model goes from int32 ``[batch, length]`` to
    logits ``[batch, outputs]`` and is not compiled.

    Args:
        features: gives what the linear layer sees of the rows of a text's tokens; its name becomes the network's.
        skip_padding: whether its layers are to pass over what is no token.
    """
    name = getattr(features, "__name__", None)

    def build(
        length: int, rows: int, outputs: int, dropout: float, width: int = WIDTH, **options: object
    ) -> KerasModel:
        layers = keras().layers
        tokens = keras().Input((length,), dtype="int32", name=TOKENS)
        words = layers.Embedding(rows, width, mask_zero=skip_padding, name="table")(tokens)
        found = features(words, **options)
        if dropout:
            found = layers.Dropout(dropout)(found)
        return keras().Model(tokens, layers.Dense(outputs, name="logits")(found), name=name)

    taken = inspect.signature(build)
    known = [each for each in taken.parameters.values() if each.kind is not each.VAR_KEYWORD]
    more = [each for each in inspect.signature(features).parameters.values() if each.default is not each.empty]
    build.__signature__ = taken.replace(parameters=[*known, *more])  # type: ignore[attr-defined]
    return update_wrapper(build, features, ("__name__", "__doc__"), ())
