"""The beginning and the end of all networks for texts."""

import inspect
import math
from collections.abc import Callable
from functools import update_wrapper

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.workloads.text.settings import TOKENS

WIDTH = 16  # numbers of a token's row
Features = Callable[..., TfTensor]  # [batch, length, width] and options by name to [batch, n]
Builder = Callable[..., KerasModel]
PLAIN, HASHED, COMPOSED = TABLES = "plain", "hashed", "quotient_remainder"


def rows_of(tokens: TfTensor, rows: int, width: int, table: str, buckets: int = 0) -> TfTensor:
    """Return the rows of tokens out of tables that have fewer than there are tokens, ``[batch, length, width]``.

    ``hashed``: tokens that have the same remainder share a row (K. Weinberger et al. 2009, arXiv:0902.2206).
    ``quotient_remainder``: a row is the product of two, one of the quotient and one of the remainder, so that no two
    tokens share both (H.-J. M. Shi et al. 2020, arXiv:1909.02107). Rows of quotients begin near 1.

    Args:
        tokens: their numbers, int32 ``[batch, length]``.
        rows: how many tokens there are.
        width: numbers of a row.
        table: ``hashed`` or ``quotient_remainder``.
        buckets: remainders; 0: as many as there are quotients, which takes the fewest rows.

    Raises:
        ValueError: there is no such table, or it would have no fewer rows.
    """
    tf, tf_keras = tensorflow(), keras()
    count = buckets or math.isqrt(rows - 1) + 1
    quotients = -(-rows // count)
    needed = count if table == HASHED else count + quotients
    if table not in (HASHED, COMPOSED) or needed >= rows:
        raise ValueError(
            f"expected table: {HASHED} or {COMPOSED}, and buckets for fewer than {rows:,} rows. Received: {table!r} "
            f"of {needed:,}"
        )
    remainders = tf_keras.layers.Embedding(count, width, name="table_of_remainders")(tf.math.floormod(tokens, count))
    if table == HASHED:
        return remainders
    near_one = tf_keras.initializers.RandomNormal(1.0, 0.1)
    of_quotients = tf_keras.layers.Embedding(quotients, width, near_one, name="table_of_quotients")
    return tf_keras.layers.Multiply(name="rows")([remainders, of_quotients(tf.math.floordiv(tokens, count))])


def text_network(features: Features, skip_padding: bool = False) -> Builder:
    """Return the builder of a network that has a table of tokens in front of features and a linear layer behind.

    It takes ``length`` (tokens of a text), ``rows`` (of the table), ``outputs`` and ``dropout`` (a rate), and by name
    ``width`` (numbers of a token's row), ``table`` and ``buckets`` (see :func:`rows_of`) and what the features take.
    The model goes from int32 ``[batch, length]`` to logits ``[batch, outputs]`` and is not compiled.

    Args:
        features: gives what the linear layer sees of the rows of a text's tokens; its name becomes the network's.
        skip_padding: whether its layers are to pass over what is no token.

    Returns:
        the builder.

    Raises:
        ValueError: by the builder: the features pass over what is no token, and the table is not a plain one.
    """
    name = getattr(features, "__name__", None)

    def build(
        length: int,
        rows: int,
        outputs: int,
        dropout: float,
        width: int = WIDTH,
        table: str = PLAIN,
        buckets: int = 0,
        **options: object,
    ) -> KerasModel:
        layers = keras().layers
        tokens = keras().Input((length,), dtype="int32", name=TOKENS)
        if table == PLAIN:
            words = layers.Embedding(rows, width, mask_zero=skip_padding, name="table")(tokens)
        elif skip_padding:
            raise ValueError(f"expected table: {PLAIN}, as {name} passes over what is no token. Received: {table!r}")
        else:
            words = rows_of(tokens, rows, width, table, buckets)
        found = features(words, **options)
        if dropout:
            found = layers.Dropout(dropout)(found)
        return keras().Model(tokens, layers.Dense(outputs, name="logits")(found), name=name)

    taken = inspect.signature(build)
    known = [each for each in taken.parameters.values() if each.kind is not each.VAR_KEYWORD]
    more = [each for each in inspect.signature(features).parameters.values() if each.default is not each.empty]
    build.__signature__ = taken.replace(parameters=[*known, *more])  # type: ignore[attr-defined]
    return update_wrapper(build, features, ("__name__", "__doc__"), ())
