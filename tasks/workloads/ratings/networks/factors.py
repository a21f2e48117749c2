"""Networks that know users by their numbers: matrix factorization, and those of neural collaborative filtering."""

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.workloads.ratings.networks.parts import entries

WIDTH = 16  # numbers of a user's and an item's row
HIDDEN = (32, 16, 8)  # of the perceptron, whose tables are as wide as its first layer is


def matrix_factorization(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build ``p_u · q_i + b_i`` (Y. Koren, R. Bell and C. Volinsky, Computer 42 (2009), 30-37).

    Args:
        length: items of a history, which does not count here.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's row.

    Returns:
        a model from int32 ``[batch, length]`` and ``[batch, 1]`` to scores ``[batch, items]``, not compiled.

    Raises:
        ValueError: no users are known by a number.
    """
    inputs, user = _entries(length, users, "matrix_factorization")
    scores = keras().layers.Dense(items, name="scores")(_row(user, users, WIDTH, "users", dropout))
    return keras().Model(inputs, scores, name="matrix_factorization")


def gmf(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build generalized matrix factorization: ``h · (p_u ∘ q_i)`` (He et al. 2017, arXiv:1708.05031).

    Args:
        length: items of a history, which does not count here.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's row.

    Returns:
        a model from int32 ``[batch, length]`` and ``[batch, 1]`` to scores ``[batch, items]``, not compiled.

    Raises:
        ValueError: no users are known by a number.
    """
    inputs, user = _entries(length, users, "gmf")
    scores = _weighted(_products(user, items, users, dropout), 1)
    return keras().Model(inputs, scores, name="gmf")


def mlp(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build a perceptron over a user's and an item's row (He et al. 2017, arXiv:1708.05031).

    Args:
        length: items of a history, which does not count here.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's row.

    Returns:
        a model from int32 ``[batch, length]`` and ``[batch, 1]`` to scores ``[batch, items]``, not compiled.

    Raises:
        ValueError: no users are known by a number.
    """
    inputs, user = _entries(length, users, "mlp")
    scores = _weighted(_perceptron(user, items, users, dropout), 1)
    return keras().Model(inputs, scores, name="mlp")


def neumf(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build GMF and MLP side by side, each with tables of its own (He et al. 2017, arXiv:1708.05031).

    Args:
        length: items of a history, which does not count here.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's rows.

    Returns:
        a model from int32 ``[batch, length]`` and ``[batch, 1]`` to scores ``[batch, items]``, not compiled.

    Raises:
        ValueError: no users are known by a number.
    """
    inputs, user = _entries(length, users, "neumf")
    both = [_products(user, items, users, dropout), _perceptron(user, items, users, dropout)]
    scores = _weighted(keras().layers.Concatenate(name="both")(both), 1)
    return keras().Model(inputs, scores, name="neumf")


def _entries(length: int, users: int, name: str) -> tuple[list[TfTensor], TfTensor]:
    if not users:
        raise ValueError(f"no users for {name}, which knows them by numbers: set data.ratings.user_table to true.")
    _, inputs = entries(length, users)
    return inputs, inputs[1]


def _row(user: TfTensor, users: int, width: int, name: str, dropout: float) -> TfTensor:
    layers = keras().layers
    row = layers.Flatten(name=f"{name}_row")(layers.Embedding(users + 1, width, name=name)(user))
    return layers.Dropout(dropout)(row) if dropout else row


def _item_rows(user: TfTensor, items: int, width: int, name: str) -> TfTensor:
    """Return the rows of all items, ``[batch, items, width]``, the same for each user."""
    tf = tensorflow()
    everything = tf.zeros_like(user) + tf.range(items, dtype=user.dtype)[None, :]
    return keras().layers.Embedding(items, width, name=name)(everything)


def _products(user: TfTensor, items: int, users: int, dropout: float) -> TfTensor:
    """Return the products of a user's row with those of items, ``[batch, items, width]``."""
    layers = keras().layers
    row = layers.Reshape((1, WIDTH), name="product_user")(_row(user, users, WIDTH, "product_users", dropout))
    return layers.Multiply(name="products")([_item_rows(user, items, WIDTH, "product_items"), row])


def _perceptron(user: TfTensor, items: int, users: int, dropout: float) -> TfTensor:
    """Return the last hidden layer for each item, ``[batch, items, 8]``.

    The first layer is linear in what it gets: its parts of the user and of the item are computed apart and added.
    """
    layers = keras().layers
    width = HIDDEN[0]
    row = layers.Reshape((1, width), name="perceptron_user")(_row(user, users, width, "perceptron_users", dropout))
    of_user = layers.Dense(width, use_bias=False, name="hidden_of_user")(row)
    of_items = layers.Dense(width, name="hidden_of_items")(_item_rows(user, items, width, "perceptron_items"))
    hidden = layers.Activation("relu", name="hidden_0")(layers.Add(name="hidden_sum")([of_items, of_user]))
    for number, size in enumerate(HIDDEN[1:], start=1):
        hidden = layers.Dense(size, activation="relu", name=f"hidden_{number}")(hidden)
    return hidden


def _weighted(features: TfTensor, outputs: int) -> TfTensor:
    """Return a score for each item of its features, ``[batch, items]``."""
    layers = keras().layers
    return layers.Flatten(name="scores")(layers.Dense(outputs, name="weights")(features))
