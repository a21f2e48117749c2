"""Preserve zeros and clusters of a layer's weights while they are trained on.

The same ends as TFMOT's prune- and cluster-preserving schemes, by other means: before its rounding is simulated a
kernel is projected onto the kernels that have the structure. Equal weights then get the mean of their gradients, so
that a cluster moves as one weight does, and zeros get none. It costs no variables, works on every kernel and with any
quantizer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.arrays import Array
from tasks.backend import TfTensor, tensorflow
from tasks.compression.weights import Weight

# distinct values in a weight that is not zero, below which sharing is meant and not chance: of a kernel, of channels
SHARED, SHARED_BY_CHANNEL = 0.5, 0.98


@dataclass(frozen=True)
class Structure:
    """The equal weights of a kernel."""

    zeros: bool
    clusters: bool

    @property
    def scheme(self) -> str:
        """The usual name of quantization-aware training that keeps this."""
        return {
            (False, False): "QAT",
            (True, False): "PQAT",
            (False, True): "CQAT",
            (True, True): "PCQAT",
        }[self.zeros, self.clusters]


def structure_of(kernel: Array) -> Structure:
    """Look for zeros, which training leaves none of, and for values that weights share, all or those of a channel.

    Weights of one output channel, of which there are few, hardly ever are equal by chance.

    Args:
        kernel: output channels last.

    Returns:
        the structure that was found.
    """
    rest = kernel[kernel != 0]
    channels = kernel.reshape(-1, kernel.shape[-1]).T
    by_channel = sum(len(np.unique(channel[channel != 0])) for channel in channels)
    clusters = len(np.unique(rest)) < SHARED * rest.size or by_channel < SHARED_BY_CHANNEL * rest.size
    return Structure(zeros=rest.size < kernel.size, clusters=clusters)


def projection(kernel: Array, structure: Structure) -> Callable[[TfTensor], TfTensor]:
    """Return a function to the nearest tensor that is zero where a kernel is, and equal where its values are shared.

    Args:
        kernel: output channels last.
        structure: of the kernel.
    """
    tf = tensorflow()
    mask = tf.constant(kernel != 0, kernel.dtype)
    values, index = np.unique(kernel, return_inverse=True)
    groups = tf.constant(index.reshape(-1), tf.int32)
    sizes = tf.constant(np.bincount(index.reshape(-1), minlength=len(values)), kernel.dtype)

    def project(weights: TfTensor) -> TfTensor:
        if structure.clusters:
            sums = tf.math.unsorted_segment_sum(tf.reshape(weights, [-1]), groups, len(values))
            weights = tf.reshape(tf.gather(sums / sizes, groups), kernel.shape)
        return weights * mask if structure.zeros else weights

    return project


class Preserved:
    """Stands in for a TFMOT quantizer: the same one, of the projected kernel."""

    def __init__(self, weight: Weight, quantizer: Any) -> None:
        self.structure = structure_of(weight.oriented(weight.values()))
        self.project = projection(weight.values(), self.structure)
        self.quantizer = quantizer

    def __call__(self, kernel: TfTensor, training: TfTensor, weights: TfTensor, **_: object) -> TfTensor:
        """Project, then round."""
        return self.quantizer(self.project(kernel), training, weights=weights)
