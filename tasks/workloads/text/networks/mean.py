"""Means of embeddings, in the form of fastText."""

from tasks.backend import TfTensor, keras


def mean_embedding(words: TfTensor) -> TfTensor:
    """Return the mean of the rows of all tokens (Joulin et al., arXiv:1607.01759).

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    return keras().layers.GlobalAveragePooling1D(name="mean")(words)


def mean_max_embedding(words: TfTensor) -> TfTensor:
    """Return the mean and the greatest numbers of the rows of all tokens (Shen et al., arXiv:1805.09843).

    What is no token has a row, too, so that nothing has to be passed over.

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    layers = keras().layers
    found = [layers.GlobalAveragePooling1D(name="mean")(words), layers.GlobalMaxPooling1D(name="most")(words)]
    return layers.Concatenate(name="found")(found)
