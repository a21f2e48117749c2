"""What is in each layer after a step, and how far the step has moved it."""

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import Constant, constants_by_layer
from tasks.compression.layers import kernels
from tasks.compression.records import LayerState
from tasks.compression.technique import Subject

LARGE = 1 << 22  # weights; the rank of a larger layer takes long to find


def constants(subject: Subject, layers: set[str] | None = None) -> dict[str, Constant]:
    """The kernels of the named layers (all of a Keras model where none are named), output channels first."""
    if subject.form != "keras":
        return constants_by_layer(subject.flatbuffer, layers or (), subject.names)
    return {
        name: Constant(np.moveaxis(kernel, -1, 0), kernel.dtype.name, 0)
        for name, kernel in kernels(subject.model).items()
        if layers is None or name in layers
    }


def measure_layers(before: Subject, after: Subject) -> tuple[LayerState, ...]:
    """Every layer with a kernel, after a step that made ``after`` of ``before``.

    A flatbuffer knows layers by parts of names only: there the layers are those of ``before``.
    """
    earlier = constants(before) if before.form == "keras" else {}
    later = constants(after, set(earlier) if after.form != "keras" else None)
    order = list(earlier) if after.form != "keras" else list(later)
    return tuple(_state(name, earlier.get(name), later[name]) for name in order if name in later)


def _state(name: str, before: Constant | None, after: Constant) -> LayerState:
    return LayerState(
        layer=name,
        dtype=after.dtype,
        shape=after.values.shape,
        bytes=after.bytes(),
        zeros=round(after.sparsity(), 6),
        distinct=after.clusters(),
        rank=_rank(after.real()),
        distortion=None if before is None else _distortion(before.real(), after.real()),
    )


def _rank(values: NDArray[np.float32]) -> int | None:
    matrix = values.reshape(len(values), -1)
    return int(np.linalg.matrix_rank(matrix)) if matrix.size <= LARGE else None


def _distortion(before: NDArray[np.float32], after: NDArray[np.float32]) -> float | None:
    """Energy of the error over the energy before, after the factor is taken out that the input's scaling may be."""
    if before.size != after.size:
        return None
    old, new = before.reshape(-1).astype(np.float64), after.reshape(-1).astype(np.float64)
    energy, norm = float(old @ old), float(new @ new)
    if not energy or not norm:
        return None if energy == norm else 1.0
    fitted = new * float(old @ new) / norm
    return float(f"{np.sum((fitted - old) ** 2) / energy:.4g}")
