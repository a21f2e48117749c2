"""The content of each layer after a step, and how far the step has moved it."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import Constant, Places, by_output, read_constants
from tasks.compression.location import locate
from tasks.compression.records import LayerState
from tasks.compression.technique import Subject
from tasks.compression.weights import Weight, weights

LARGE = 1 << 22  # weights; the rank of a larger layer takes long to find
Copies = tuple[Constant, ...]


def constants(subject: Subject) -> dict[str, Copies]:
    """Return the weights of a subject by their paths: one constant each, or several copies that a file has of it.

    Args:
        subject: a network or a file.
    """
    if subject.form != "keras":
        return read_constants(subject.flatbuffer, subject.places)
    return {path: (weight.constant(),) for path, weight in weights(subject.network).items()}


def measure_layers(before: Subject, after: Subject) -> tuple[LayerState, ...]:
    """Measure every weight after a step; a file that does not hold one leaves it out.

    Args:
        before: what the step was given.
        after: what it gave.

    Returns:
        a state for each weight, in the order of the layers.
    """
    if before.form == "keras" and after.form != "keras":
        places = after.places or locate(before.network, after.flatbuffer)
        later = read_constants(after.flatbuffer, places)
        arranged = _arranged(weights(before.network), places, later)
        return tuple(_state(path, arranged[path], later[path], places, True) for path in places if path in later)
    earlier, later = constants(before), constants(after)
    return tuple(_state(path, earlier.get(path, ()), copies, after.places) for path, copies in later.items())


def _arranged(model: Mapping[str, Weight], places: Places, later: Mapping[str, Copies]) -> dict[str, Copies]:
    """The weights of a Keras model laid out as a file has them."""
    found: dict[str, Copies] = {}
    for path, copies in later.items():
        values, shape = model[path].values(), copies[0].values.shape
        parts = {part.piece: part for part in places[path]}
        first = parts[0]
        cut = [*shape]
        cut[first.outputs] //= first.pieces
        pieces = [parts[number].arranged(values, cut) for number in sorted(parts)]
        joined = np.concatenate(pieces, axis=first.outputs)
        found[path] = (Constant(joined, joined.dtype.name, 0, outputs=first.outputs),)
    return found


def _state(path: str, before: Copies, after: Copies, places: Places, converted: bool = False) -> LayerState:
    one = after[0]
    return LayerState(
        layer=path,
        dtype=dtype_of(after),
        shape=one.values.shape,
        bytes=sum(copy.bytes() for copy in after),
        zeros=round(min(copy.sparsity() for copy in after), 6),
        distinct=max(copy.clusters() for copy in after),
        rank=_rank(one),
        distortion=_worst([_distortion(before[0], copy, converted) for copy in after]) if before else None,
        tensors=tuple((part.graph, part.tensor) for part in places.get(path, ())),
    )


def dtype_of(copies: Collection[Constant]) -> str:
    """Return the type of all copies of a weight; all of them where they differ.

    Args:
        copies: of the weight.
    """
    return "+".join(sorted({copy.dtype for copy in copies}))


def _worst(distortions: Collection[float | None]) -> float | None:
    known = [each for each in distortions if each is not None]
    return max(known) if known else None


def _rank(constant: Constant) -> int | None:
    matrix = by_output(constant.real(), constant.outputs)
    if matrix.size > LARGE:
        return None
    return min(matrix.shape) if _has_full_rank(matrix) else int(np.linalg.matrix_rank(matrix))


def _has_full_rank(matrix: NDArray[np.float32]) -> bool:
    """Return whether a matrix surely has full rank by the measure of ``matrix_rank``, in a fraction of its time.

    That counts singular values over the largest one times the longer side times float32's precision. Here each is
    larger than twice that, even with the Frobenius norm for the largest one: the matrix times its transpose, less the
    square of that bound, is positive definite.
    """
    wide = matrix.astype(np.float64)
    wide = wide if wide.shape[0] <= wide.shape[1] else wide.T
    squares = wide @ wide.T
    bound = 2 * np.sqrt(np.trace(squares)) * wide.shape[1] * np.finfo(np.float32).eps
    try:
        np.linalg.cholesky(squares - bound**2 * np.eye(len(squares)))
    except np.linalg.LinAlgError:
        return False
    return bool(bound > 0)


def _distortion(before: Constant, after: Constant, converted: bool) -> float | None:
    """Energy of the error over the energy before.

    Conversion moves factors into kernels: of the input's scaling into all of the first, of BatchNorm into each output
    channel. They are taken out.
    """
    if before.values.size != after.values.size:
        return None
    old, new = _rows(before), _rows(after)
    if old.shape != new.shape:
        return None
    energy = np.sum(old**2)
    if not energy:
        return 1.0 if new.any() else None
    if converted:
        norms = np.sum(new**2, axis=1, keepdims=True)
        new = new * np.sum(old * new, axis=1, keepdims=True) / np.where(norms, norms, 1.0)
    return float(f"{np.sum((new - old) ** 2) / energy:.4g}")


def _rows(constant: Constant) -> NDArray[np.float64]:
    return by_output(constant.real(), constant.outputs).astype(np.float64)
