"""Kernels with a structure that is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[Any]


def matrix(rows: int, columns: int, rank: int, noise: float = 0.0, seed: int = 1) -> Kernel:
    """A product of Gaussian factors, whose entries have a variance of 1, and Gaussian noise."""
    rng = np.random.default_rng(seed)
    product = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns)) / np.sqrt(max(1, rank))
    return np.asarray(product * (rank > 0) + noise * rng.normal(size=(rows, columns)))


def tucker(shape: tuple[int, int, int, int], ranks: tuple[int, int], seed: int = 1) -> Kernel:
    """A convolution's kernel ``[rows, columns, in, out]`` of these ranks over its channels."""
    rng = np.random.default_rng(seed)
    first, core = rng.normal(size=(shape[2], ranks[0])), rng.normal(size=(*shape[:2], *ranks))
    return np.asarray(np.einsum("ip,hwpq,qo->hwio", first, core, rng.normal(size=(ranks[1], shape[3]))))


def components(shape: tuple[int, int, int, int], rank: int, seed: int = 1) -> Kernel:
    """A convolution's kernel that is a sum of so many components over places, input and output channels."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(shape[2], rank)), rng.normal(size=(shape[3], rank))
    return np.asarray(np.einsum("hwr,ir,or->hwio", rng.normal(size=(*shape[:2], rank)), first, second))


def sparse(shape: tuple[int, ...], density: float, size: float, seed: int = 2) -> Kernel:
    """A few entries of ``±size``, the rest 0."""
    rng = np.random.default_rng(seed)
    return np.asarray((rng.random(shape) < density) * rng.choice([-size, size], shape))
