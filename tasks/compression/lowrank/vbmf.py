"""The rank of a matrix under noise: the analytic solution of empirical variational Bayesian matrix factorization.

Nakajima, Sugiyama, Babacan and Tomioka 2013, "Global Analytic Solution of Fully-observed Variational Bayesian Matrix
Factorization", Journal of Machine Learning Research 14. Names as there: the matrix has ``L ≤ M`` rows, ``α = L/M``, and
a singular value counts when it lies above a threshold that follows from the noise's variance.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from tasks.arrays import Array

EXACT = 1e-5  # of the largest singular value: what is below is rounding, in a matrix that has no noise


def rank_by_noise(matrix: Array) -> int:
    """Return how many components stand out of the noise, whose variance is estimated too; 0 where none does.

    Args:
        matrix: of any size.
    """
    rows, columns = sorted(matrix.shape)
    spectrum = np.linalg.svd(matrix, compute_uv=False).astype(np.float64)
    if not spectrum[0]:
        return 0
    scale = float(np.sqrt(np.mean(spectrum**2) / columns))  # so that what is searched is of the order of 1
    variance = noise_variance(spectrum / scale, rows, columns)
    least = max(math.sqrt(columns * variance * threshold(rows / columns)) * scale, EXACT * spectrum[0])
    return int(np.sum(spectrum > least))


def noise_variance(spectrum: NDArray[np.float64], rows: int, columns: int) -> float:
    """Return the variance at which the free energy is least (theorem 8): a search in one dimension between two bounds.

    Args:
        spectrum: singular values, falling.
        rows: ``L`` of the paper.
        columns: ``M`` of the paper, not less than ``L``.
    """
    alpha, squares = rows / columns, spectrum**2
    # the bounds of the paper: no more than ⌈L/(1+α)⌉ − 1 components can stand out
    most = math.ceil(rows / (1 + alpha)) - 1
    upper = float(np.sum(squares)) / (rows * columns)
    tail = squares[most:]
    lower = max(float(tail[0]) / (columns * threshold(alpha)), float(np.mean(tail)) / columns)
    if lower >= upper or lower <= 0:
        return max(lower, upper * 1e-12) if lower < upper else upper
    grid = np.geomspace(lower, upper, 65)
    energies = [free_energy(variance, squares, alpha, columns) for variance in grid]
    best = int(np.argmin(energies))
    found = minimize_scalar(
        free_energy,
        args=(squares, alpha, columns),
        bounds=(grid[max(0, best - 1)], grid[min(64, best + 1)]),
        method="bounded",
    )
    return float(found.x) if found.fun < energies[best] else float(grid[best])


def free_energy(variance: float, squares: NDArray[np.float64], alpha: float, columns: int) -> float:
    """Return what is to be least, up to constants: ψ of the paper over all components.

    Args:
        variance: σ² of the paper.
        squares: of the singular values.
        alpha: ``L/M``.
        columns: ``M``.
    """
    x = np.maximum(squares / (columns * variance), 1e-300)
    energy = float(np.sum(x - np.log(x)))
    out = x[x > threshold(alpha)]
    tau = 0.5 * (out - (1 + alpha) + np.sqrt((out - (1 + alpha)) ** 2 - 4 * alpha))
    return energy + float(np.sum(np.log(tau + 1) + alpha * np.log(tau / alpha + 1) - tau))


def threshold(alpha: float) -> float:
    """Return what ``γ² / (M σ²)`` of a component must be above; 4.91 for a square matrix.

    ``τ`` is where Φ(τ) + Φ(τ/α) with Φ(z) = log(z+1)/z − ½ is zero, about 2.5129 √α.

    Args:
        alpha: ``L/M``.
    """

    def phi(z: float) -> float:
        return math.log(z + 1) / z - 0.5

    guess = 2.5129 * math.sqrt(alpha)
    tau = brentq(lambda t: phi(t) + phi(t / alpha), guess / 2, guess * 2, xtol=1e-12)
    return float((1 + tau) * (1 + alpha / tau))
