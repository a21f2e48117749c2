"""Outputs of which the largest is the answer, be they of classes or of items: what their learning has in common."""

import numpy as np

from tasks.arrays import Array
from tasks.backend import TfTensor, tensorflow


def softened_distance(answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
    """Return ``KL(teacher ‖ student)`` of each sample, both softened by the temperature, float32 ``[n]``.

    Args:
        answers: the teacher's outputs, ``[n, outputs]``.
        outputs: the student's.
        temperature: by which outputs are divided first.
    """
    tf = tensorflow()
    taught = tf.nn.log_softmax(answers / temperature)
    learned = tf.nn.log_softmax(outputs / temperature)
    return tf.reduce_sum(tf.exp(taught) * (taught - learned), axis=-1)


def same_largest(expected: Array, received: Array, error: Array) -> tuple[Array, Array]:
    """Compare which outputs are the largest.

    An error explains another answer if the two answers' outputs lie no further apart than it may move them: √2 of its
    size, the largest change of a difference by an error vector of that norm.

    Args:
        expected: outputs of one model, ``[n, outputs]``.
        received: those of the other.
        error: the size of the error that is permitted in the outputs of each sample, ``[n]``.

    Returns:
        which samples have the same answer, bool ``[n]``; and which of the others such an error explains.
    """
    first, second = expected.argmax(axis=1), received.argmax(axis=1)
    rows = np.arange(len(expected))
    gaps = expected[rows, first].astype(np.float64) - expected[rows, second]
    return first == second, (first != second) & (gaps <= np.sqrt(2) * error)
