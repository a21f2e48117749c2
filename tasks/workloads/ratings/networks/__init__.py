"""Networks for ratings.

A builder takes ``length`` (items of a history), ``items`` (that are ranked), ``users`` (that are known by a number; 0:
none are) and ``dropout`` (a rate) and gives an uncompiled ``tf_keras`` model from the rows of a history's items (int32;
0 before the first of a short history), and from that of the user where users count, to a score for each item.
"""

from collections.abc import Callable
from pathlib import Path

from tasks.backend import KerasModel
from tasks.workloads.ratings.networks.alike import similarity, solve_similarity
from tasks.workloads.ratings.networks.autoencoders import denoising_autoencoder, fism, two_tower
from tasks.workloads.ratings.networks.factors import gmf, matrix_factorization, mlp, neumf
from tasks.workloads.ratings.networks.least_squares import ials, solve

Builder = Callable[[int, int, int, float], KerasModel]
BUILDERS: dict[str, Builder] = {
    "denoising_autoencoder": denoising_autoencoder,
    "fism": fism,
    "two_tower": two_tower,
    "ials": ials,
    "similarity": similarity,
    "matrix_factorization": matrix_factorization,
    "gmf": gmf,
    "mlp": mlp,
    "neumf": neumf,
}
SOLVED: dict[str, Callable[[KerasModel, Path], None]] = {"ials": solve, "similarity": solve_similarity}
