"""What is in each layer after a step, and how far the step has moved it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import Constant, by_output, constants_by_layer
from tasks.compression.layers import kernels, output_axis
from tasks.compression.records import LayerState
from tasks.compression.technique import Subject

LARGE = 1 << 22  # weights; the rank of a larger layer takes long to find


def constants(subject: Subject, layers: set[str] | None = None) -> dict[str, Constant]:
    """The kernels of the named layers (all of a Keras model where none are named), output channels first."""
    if subject.form != "keras":
        return constants_by_layer(subject.flatbuffer, layers or (), subject.names)
    return {
        name: Constant(np.moveaxis(kernel, output_axis(subject.model.get_layer(name)), 0), kernel.dtype.name, 0)
        for name, kernel in kernels(subject.model).items()
        if layers is None or name in layers
    }


def measure_layers(before: Subject, after: Subject, known: Sequence[str] = ()) -> tuple[LayerState, ...]:
    """Every layer with a kernel, after a step that made ``after`` of ``before``.

    A flatbuffer knows layers by parts of names only: there the layers are those of ``before``, and if that is one
    too, those that were ``known`` of it.
    """
    earlier = constants(before, None if before.form == "keras" else set(known))
    later = constants(after, set(earlier) if after.form != "keras" else None)
    order = list(later) if after.form == "keras" else [name for name in known or earlier if name in earlier]
    converted = before.form == "keras" != after.form
    return tuple(_state(name, earlier.get(name), later[name], converted) for name in order if name in later)


def _state(name: str, before: Constant | None, after: Constant, converted: bool) -> LayerState:
    return LayerState(
        layer=name,
        dtype=after.dtype,
        shape=after.values.shape,
        bytes=after.bytes(),
        zeros=round(after.sparsity(), 6),
        distinct=after.clusters(),
        rank=_rank(after.real()),
        distortion=None if before is None else _distortion(before.real(), after.real(), converted),
    )


def _rank(values: NDArray[np.float32]) -> int | None:
    matrix = by_output(values)
    return int(np.linalg.matrix_rank(matrix)) if matrix.size <= LARGE else None


def _distortion(before: NDArray[np.float32], after: NDArray[np.float32], converted: bool) -> float | None:
    """Energy of the error over the energy before.

    Conversion moves factors into kernels: of the input's scaling into all of the first, of BatchNorm into each output
    channel. They are taken out.
    """
    if before.size != after.size:
        return None
    channels = len(by_output(before))
    old, new = (_rows(values, channels) for values in (before, after))
    energy = np.sum(old**2)
    if not energy:
        return 1.0 if new.any() else None
    if converted:
        norms = np.sum(new**2, axis=1, keepdims=True)
        new = new * np.sum(old * new, axis=1, keepdims=True) / np.where(norms, norms, 1.0)
    return float(f"{np.sum((new - old) ** 2) / energy:.4g}")


def _rows(values: NDArray[np.float32], channels: int) -> NDArray[np.float64]:
    """A row for each output channel, which is the first axis, or the last where the first is none."""
    first = values if len(values) == channels else np.moveaxis(values, -1, 0)
    return first.reshape(channels, -1).astype(np.float64)
