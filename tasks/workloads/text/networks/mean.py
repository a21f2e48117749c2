"""The mean of embeddings, in the form of fastText."""

from tasks.backend import TfTensor, keras


def mean_embedding(words: TfTensor) -> TfTensor:
    """Return the mean of the rows of all tokens (Joulin et al., arXiv:1607.01759).

    Args:
        words: rows of a text's tokens, ``[batch, length, width]``.
    """
    return keras().layers.GlobalAveragePooling1D(name="mean")(words)
