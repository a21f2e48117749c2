"""Networks that make of a history's items the scores of all: users are folded in, and need not be known."""

from tasks.backend import KerasModel, keras
from tasks.workloads.ratings.networks.parts import entries, ranking, summed

WIDTH = 32  # numbers of an item's row


def fism(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build a factored model of how alike items are (Kabbur, Ning and Karypis, FISM, KDD 2013).

    Args:
        length: items of a history.
        items: that are ranked.
        users: that are known by a number; they do not count here.
        dropout: rate before the scores.

    Returns:
        a model from int32 ``[batch, length]`` to scores ``[batch, items]``, not compiled.
    """
    history, inputs = entries(length, users)
    return ranking(inputs, summed(history, items, WIDTH), items, dropout, "fism")


def two_tower(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build a tower for the user, made of the history, and one for items, a table; what they give is multiplied.

    The form is that of Covington, Adams and Sargin, Deep Neural Networks for YouTube Recommendations, RecSys 2016.

    Args:
        length: items of a history.
        items: that are ranked.
        users: that are known by a number; they do not count here.
        dropout: rate before the scores.

    Returns:
        a model from int32 ``[batch, length]`` to scores ``[batch, items]``, not compiled.
    """
    history, inputs = entries(length, users)
    tower = summed(history, items, WIDTH)
    for number, size in enumerate((2 * WIDTH, WIDTH), start=1):
        tower = keras().layers.Dense(size, activation="relu" if number == 1 else None, name=f"user_{number}")(tower)
    return ranking(inputs, tower, items, dropout, "two_tower")


def denoising_autoencoder(length: int, items: int, users: int, dropout: float) -> KerasModel:
    """Build an autoencoder with one hidden layer (Mult-DAE of Liang et al., arXiv:1802.05814).

    What is left out of a history in the training, the noise, is the augmentation's: ``forget``.

    Args:
        length: items of a history.
        items: that are ranked.
        users: that are known by a number; they do not count here.
        dropout: rate before the scores.

    Returns:
        a model from int32 ``[batch, length]`` to scores ``[batch, items]``, not compiled.
    """
    history, inputs = entries(length, users)
    hidden = keras().layers.Activation("tanh", name="hidden")(summed(history, items, WIDTH))
    return ranking(inputs, hidden, items, dropout, "denoising_autoencoder")
