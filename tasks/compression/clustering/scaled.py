"""Layers that have other weights in a file, since the converter takes factors before them into their kernels."""

from collections.abc import Mapping

import numpy as np

from tasks.backend import KerasModel, KerasNode, keras
from tasks.compression.layers import given_beside_tensors
from tasks.learning.rewrites import nodes_of

PRODUCTS = frozenset({"__operators__.mul", "__operators__.truediv", "math.multiply", "math.divide", "math.truediv"})
MATRICES = ("Dense", "EinsumDense", "MultiHeadAttention")  # layers that become products of matrices
PASSING = (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
)


def scaled_inputs(model: KerasModel) -> Mapping[str, str]:
    """Return for each dense layer, einsum or attention whose inputs are multiplied by factors the layer that does so.

    ``(x · f) W = x (diag(f) W)``: the file has the second, in which weights of an output that were equal differ.

    Args:
        model: the network.
    """
    found = {}
    for node in nodes_of(model):
        if isinstance(node.layer, tuple(getattr(keras().layers, kind) for kind in MATRICES)):
            sources = [_behind(tensor.node) for tensor in node.keras_inputs]
            scaling = [str(source.layer.name) for source in sources if _has_factors(source)]
            if scaling:
                found[str(node.layer.name)] = scaling[0]
    return found


def _behind(node: KerasNode) -> KerasNode:
    """Return what gives a signal; layers that pass it on as it is do not count."""
    passing = tuple(getattr(keras().layers, kind) for kind in PASSING)
    while isinstance(node.layer, passing):
        node = node.keras_inputs[0].node
    return node


def _has_factors(node: KerasNode) -> bool:
    """Return whether a call ends with a product of its signal with numbers, one for each feature."""
    layers, layer = keras().layers, node.layer
    if isinstance(layer, layers.LayerNormalization | layers.GroupNormalization):
        return bool(layer.scale)
    if isinstance(layer, layers.Rescaling):
        return np.ndim(layer.scale) > 0
    if getattr(layer, "symbol", None) in PRODUCTS:
        return any(np.ndim(value) > 0 for value in given_beside_tensors(node))
    return isinstance(layer, layers.BatchNormalization | layers.Normalization)
