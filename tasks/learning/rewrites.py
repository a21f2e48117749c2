"""Rewrites of networks, taken only where they are exact.

Each rewrite says in code what it needs, by the few predicates here. Where that holds, the outputs of the network before
and after are compared on samples, and where they differ the rewrite is not taken. Either way it is noted with the
reason, see :func:`noted`.

=====================  ==========================================================  ===================================
rewrite                needs                                                       where
=====================  ==========================================================  ===================================
scaling into a kernel  exact classes, one use of each, float32                     :func:`.conversion.fold_scaling`
columns as channels    exact class, one call, elementwise activation, float32      ``techniques/width_to_depth.py``
model as its layers    exact class, called with inputs of its form and no more     ``compression/inlining.py``
separable as two       exact class, float32; any activation, it stays at the end   ``compression/separable.py``
factors in place       exact classes; each has the reconstructed kernel's outputs  ``techniques/factorize.py``
recurrent unrolled     exact classes, one length, no state kept; same weights      ``techniques/unroll.py``
gather as a lookup     rows of a float table by int32 ids; the same bits           ``quantization/lookups.py``
=====================  ==========================================================  ===================================
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, KerasNode, keras, tensorflow
from tasks.distortion import sqnr
from tasks.learning.feeding import fed, made_up, specs_of
from tasks.samples import Specs

EXACT_DB = 110.0  # of the outputs: 18 bits of float32's 24
LEAST_DB = 80.0  # 13 bits: what is required of any network, however its rounding adds up
SAMPLES = 8
SEED = 1

# activations that give each value without regard to the others, by Keras's names
ELEMENTWISE = (
    "elu",
    "exponential",
    "gelu",
    "hard_sigmoid",
    "linear",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "softplus",
    "softsign",
    "swish",
    "tanh",
)
ELEMENTWISE_LAYERS = ("ReLU", "LeakyReLU", "ELU", "ThresholdedReLU")

_rows: ContextVar[list[dict[str, Any]] | None] = ContextVar("rewrites", default=None)


@contextlib.contextmanager
def noted() -> Iterator[list[dict[str, Any]]]:
    """Yield the list of what is noted of rewrites in this block: one row each, for a step's record."""
    rows: list[dict[str, Any]] = []
    token = _rows.set(rows)
    try:
        yield rows
    finally:
        _rows.reset(token)


def note(rewrite: str, layer: str, reason: str = "") -> None:
    """Note that a rewrite was taken, or with a ``reason`` that it was not; once for each layer.

    Args:
        rewrite: its name.
        layer: the layer's name.
        reason: why it was not taken; empty where it was.
    """
    rows = _rows.get()
    row = {"rewrite": rewrite, "layer": layer, "taken": "no" if reason else "yes", "reason": reason}
    if rows is not None and row not in rows:
        rows.append(row)


def is_exactly(layer: KerasLayer, *kinds: str) -> bool:
    """Return whether a layer is one of these classes of Keras and no subclass, which may compute something else.

    Args:
        layer: of a network.
    """
    return type(layer) in {getattr(keras().layers, kind) for kind in kinds}


def nodes_of(model: KerasModel) -> list[KerasNode]:
    """Return each call of a layer in the network, in an order in which they can be made.

    Args:
        model: functional or Sequential.
    """
    return [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]


def called_once(model: KerasModel, layer: KerasLayer) -> bool:
    """Return whether the network has one call of the layer, and no other layer has one of its weights.

    Args:
        model: the network.
        layer: of it.
    """
    calls = sum(node.layer is layer for node in nodes_of(model))
    own = {id(weight) for weight in layer.weights}
    tied = any(id(weight) in own for other in model.layers if other is not layer for weight in other.weights)
    return calls == 1 and not tied


def only_reader(model: KerasModel, layer: KerasLayer) -> KerasLayer | None:
    """Return the layer that alone takes what a layer gives, once; None where several do, or the output is taken.

    Args:
        model: the network.
        layer: of it.
    """
    readers = [
        node.layer
        for node in nodes_of(model)
        if not node.is_input
        for tensor in tensorflow().nest.flatten(node.keras_inputs)
        if tensor.node.layer is layer
    ]
    given = any(output.node.layer is layer for output in model.outputs)
    return readers[0] if len(readers) == 1 and not given else None


def in_float32(*layers: KerasLayer) -> bool:
    """Return whether the layers compute in float32: elsewhere another order of products rounds otherwise."""
    return all(layer.compute_dtype == "float32" for layer in layers)


def is_elementwise(activation: Any) -> bool:
    """Return whether an activation, a function or a layer, is known to give each value without regard to the others.

    Args:
        activation: of a layer, or one.
    """
    tf, activations = tensorflow(), keras().activations
    if isinstance(activation, keras().layers.Layer):
        return is_exactly(activation, *ELEMENTWISE_LAYERS)
    known = [getattr(activations, name) for name in ELEMENTWISE]
    return any(activation is function for function in (*known, tf.nn.relu, tf.nn.relu6, tf.nn.sigmoid, tf.nn.tanh))


def noise(model: KerasModel, specs: Specs | None = None, count: int = SAMPLES) -> Any:
    """Return made-up samples over the whole range of the inputs, as the network takes them.

    Args:
        model: the network.
        specs: its inputs; None: as far as the network alone tells.
        count: how many.
    """
    return fed(made_up(specs or specs_of(model), count, SEED))


def why_not_exact(before: KerasModel, after: KerasModel, needed: float = EXACT_DB, specs: Specs | None = None) -> str:
    """Return how far a rewritten network's outputs are from those before, in a sentence; empty where they are the same.

    Args:
        before: the network.
        after: what it was rewritten to.
        needed: decibels.
        specs: the inputs; None: as far as the network alone tells.
    """
    samples = noise(before, specs)
    expected = np.asarray(before(samples, training=False), np.float64)
    received = np.asarray(after(samples, training=False), np.float64)
    if expected.shape != received.shape:
        return f"outputs {received.shape[1:]} instead of {expected.shape[1:]}"
    decibels = sqnr(expected, received)
    if decibels >= needed or decibels >= max(LEAST_DB, float32_db(before, samples)):
        return ""
    return f"its outputs would agree to {decibels:.0f} dB"


def float32_db(model: KerasModel, samples: Any) -> float:
    """Return how much of a network's outputs the last place of its weights decides, in decibels.

    It is the distance between the network and one whose weights are all one unit in the last place larger, or larger
    and smaller by chance, whichever is further away. A network of many layers computes no more exactly than that.

    Args:
        model: the network.
        samples: as it takes them, see :func:`tasks.learning.feeding.fed`.
    """
    before = model.get_weights()
    expected = np.asarray(model(samples, training=False), np.float64)
    rng = np.random.default_rng(SEED)
    found = []
    try:
        for chance in (0.0, 0.5):
            model.set_weights([_moved(weight, rng.random(weight.shape) < chance) for weight in before])
            found.append(sqnr(expected, np.asarray(model(samples, training=False), np.float64)))
    finally:
        model.set_weights(before)
    return min(found)


def _moved(weight: Array, smaller: NDArray[np.bool_]) -> Array:
    """Weights one unit in the last place away from zero, or where they are to be ``smaller`` nearer to it."""
    if weight.dtype != np.float32:
        return weight
    away = np.where(weight > 0, np.float32(np.inf), np.float32(-np.inf))
    return np.where(weight == 0, weight, np.nextafter(weight, np.where(smaller, np.float32(0), away)))
