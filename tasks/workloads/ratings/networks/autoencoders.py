"""Networks that make of a history's items the scores of all: users are folded in, and need not be known."""

from tasks.backend import TfTensor, keras
from tasks.workloads.ratings.networks.parts import summed

WIDTH = 32  # numbers of an item's row


def fism(history: TfTensor, items: int) -> TfTensor:
    """Return what a factored model of how alike items are says of a history (Kabbur, Ning and Karypis, KDD 2013).

    Args:
        history: rows of its items, ``[batch, length]``.
        items: that are ranked.
    """
    return summed(history, items, WIDTH)


def two_tower(history: TfTensor, items: int) -> TfTensor:
    """Return what a tower for the user makes of a history; the one for items is a table, and both are multiplied.

    The form is that of Covington, Adams and Sargin, Deep Neural Networks for YouTube Recommendations, RecSys 2016.

    Args:
        history: rows of its items, ``[batch, length]``.
        items: that are ranked.
    """
    tower = summed(history, items, WIDTH)
    for number, size in enumerate((2 * WIDTH, WIDTH), start=1):
        tower = keras().layers.Dense(size, activation="relu" if number == 1 else None, name=f"user_{number}")(tower)
    return tower


def denoising_autoencoder(history: TfTensor, items: int) -> TfTensor:
    """Return the hidden layer of an autoencoder that has one (Mult-DAE of Liang et al., arXiv:1802.05814).

    What is left out of a history in the training, the noise, is the augmentation's: ``forget``.

    Args:
        history: rows of its items, ``[batch, length]``.
        items: that are ranked.
    """
    return keras().layers.Activation("tanh", name="hidden")(summed(history, items, WIDTH))
