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
from tasks.workloads.ratings.networks.parts import Builder, history_network, user_network

BUILDERS: dict[str, Builder] = {
    "denoising_autoencoder": history_network(denoising_autoencoder),
    "fism": history_network(fism),
    "two_tower": history_network(two_tower),
    "ials": ials,
    "similarity": similarity,
    "matrix_factorization": user_network(matrix_factorization),
    "gmf": user_network(gmf),
    "mlp": user_network(mlp),
    "neumf": user_network(neumf),
}
SOLVED: dict[str, Callable[[KerasModel, Path], None]] = {"ials": solve, "similarity": solve_similarity}
