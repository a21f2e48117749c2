"""Clusters that stay together while a kernel is trained on: after each step of the optimizer they get their mean."""

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasVariable, TfTensor, tensorflow


def keep_clusters(variable: KerasVariable) -> None:
    """Let weights of a variable that are equal stay equal, and those that are zero stay zero.

    Args:
        variable: of a layer; its weights are as they are to stay.
    """
    clusters = _Clusters(variable.numpy())
    # Keras optimizers apply a variable's own constraint; set here, it is no part of the layer's config
    variable._constraint = clusters.project


class _Clusters:
    """A constraint that keeps equal weights of a kernel equal."""

    def __init__(self, kernel: Array) -> None:
        tf = tensorflow()
        values, index = np.unique(kernel, return_inverse=True)
        self._count = len(values)
        self._groups = tf.constant(index.reshape(-1), tf.int32)
        sizes = np.bincount(index.reshape(-1), minlength=len(values))
        self._shares = tf.constant((values != 0) / sizes, kernel.dtype)
        self._began = tf.constant(kernel)

    def project(self, weights: TfTensor) -> TfTensor:
        """The nearest kernel of which the same weights are equal; means are taken of what has changed, or they drift.

        Args:
            weights: of the kernel's shape.
        """
        tf = tensorflow()
        moved = tf.reshape(weights - self._began, [-1])
        means = tf.math.unsorted_segment_sum(moved, self._groups, self._count) * self._shares
        return self._began + tf.reshape(tf.gather(means, self._groups), self._began.shape)
