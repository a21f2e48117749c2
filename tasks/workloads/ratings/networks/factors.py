"""Networks that know users by their numbers: matrix factorization, and those of neural collaborative filtering."""

from tasks.backend import TfTensor, keras, tensorflow

WIDTH = 16  # numbers of a user's and an item's row
HIDDEN = (32, 16, 8)  # of the perceptron, whose tables are as wide as its first layer is


def matrix_factorization(user: TfTensor, items: int, users: int, dropout: float) -> TfTensor:
    """Return ``p_u · q_i + b_i`` (Y. Koren, R. Bell and C. Volinsky, Computer 42 (2009), 30-37).

    Args:
        user: its number, ``[batch, 1]``.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's row.
    """
    return keras().layers.Dense(items, name="scores")(_row(user, users, WIDTH, "users", dropout))


def gmf(user: TfTensor, items: int, users: int, dropout: float) -> TfTensor:
    """Return the scores of generalized matrix factorization: ``h · (p_u ∘ q_i)`` (He et al. 2017, arXiv:1708.05031).

    Args:
        user: its number, ``[batch, 1]``.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's row.
    """
    return _weighted(_products(user, items, users, dropout))


def mlp(user: TfTensor, items: int, users: int, dropout: float) -> TfTensor:
    """Return the scores of a perceptron over a user's and an item's row (He et al. 2017, arXiv:1708.05031).

    Args:
        user: its number, ``[batch, 1]``.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's row.
    """
    return _weighted(_perceptron(user, items, users, dropout))


def neumf(user: TfTensor, items: int, users: int, dropout: float) -> TfTensor:
    """Return the scores of GMF and MLP side by side, each with tables of its own (He et al. 2017, arXiv:1708.05031).

    Args:
        user: its number, ``[batch, 1]``.
        items: that are ranked.
        users: that are known by a number.
        dropout: rate of the user's rows.
    """
    both = [_products(user, items, users, dropout), _perceptron(user, items, users, dropout)]
    return _weighted(keras().layers.Concatenate(name="both")(both))


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


def _weighted(features: TfTensor) -> TfTensor:
    """Return a score for each item of its features, ``[batch, items]``."""
    layers = keras().layers
    return layers.Flatten(name="scores")(layers.Dense(1, name="weights")(features))
