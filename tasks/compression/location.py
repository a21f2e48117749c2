"""Find the weights of a Keras model in the ``.tflite`` file that was made of it, through the graph.

What a tensor is called says little: converters join names, and drop them. So a copy of the model is converted in which
each weight is filled with numbers of its own: where these are found, there is the weight, whatever became of its
layout, and the operators that read it are known. The file in question has the same operators in the same order. Among
several of one kind and shape those are taken for each other whose contents are most alike, up to a factor for each
output channel, which conversion moves into kernels; equal ones in order.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tasks.arrays import Array
from tasks.backend import KerasModel
from tasks.compression.flatbuffer import File, Part, Places, Use, by_output
from tasks.compression.weights import Weight, weights
from tasks.learning.conversion import convert, fold_scaling
from tasks.learning.saving import copy_model

VECTOR = 1.25  # what all that is no weight is filled with: a factor or a summand that no converter leaves out
SAMPLED = 2048  # numbers of a constant that are looked at
SURE, EXACT, FEW = 0.9, 0.999, 32  # correlation of numbers that no other weight has; where there are less than so many
LIKELY = 0.5  # likeness of contents where the graph does not help
PIECES = 64  # most that a weight is looked for in
Values = Mapping[str, Array]
Marked = tuple[tuple[Use, ...], list[tuple[tuple[int, Part], ...]]]  # all uses; by a weight's number which are its own

_known: dict[str, Marked] = {}  # by the network; conversion takes long


def locate(model: KerasModel, flatbuffer: bytes, trained: Values | None = None) -> Places:
    """Find the weights of ``model`` in a file that was made of it.

    Args:
        model: as it was converted, its leading scaling folded or not.
        flatbuffer: in float, or quantized in any way.
        trained: values that the file was made of, by path, where they are not the model's.

    Returns:
        for each weight of the model where it is; no parts where no operator reads it as it is.
    """
    uses, numbered = _marked(model)
    marks = dict(zip(weights(model), numbered, strict=True))
    file = File(flatbuffer)
    values = {path: weight.values() for path, weight in weights(model).items()} | dict(trained or {})
    wanted = {
        number: part.arranged(values[path], uses[number].shape)
        for path, found in marks.items()
        for number, part in found
    }
    now = align(uses, file, wanted)
    places = {}
    for path, found in marks.items():
        parts = tuple(
            replace(part, graph=now[number].graph, tensor=now[number].tensor) for number, part in found if number in now
        )
        places[path] = tuple(dict.fromkeys(parts)) if len(parts) == len(found) else ()
    return places


def align(uses: Sequence[Use], file: File, wanted: Mapping[int, Array]) -> dict[int, Use]:
    """The uses of another file that stand in the places of those of a file with the same network.

    Args:
        uses: of the one file.
        file: the other one.
        wanted: by the number of a use what its constant is expected to hold, up to a factor for each output.

    Returns:
        by the number of a use in the one file that in the other one; those that are not found are left out.
    """
    others = file.uses()
    real = {use: file.constant(use.graph, use.tensor).real() for use in dict.fromkeys(others)}
    found: dict[int, Use] = {}
    for role in dict.fromkeys(uses[number].role for number in wanted):
        mine = [number for number, use in enumerate(uses) if use.role == role]
        theirs = [use for use in others if use.role == role]
        if len(mine) == len(theirs):
            found |= _pairs(mine, theirs, wanted, real)
    left = [number for number in wanted if number not in found]
    free = [use for use in others if use not in found.values()]
    for number in left:  # an operator of another kind took its place
        same = [use for use in free if np.prod(use.shape) == np.prod(uses[number].shape)]
        likeness = {use: _likeness(wanted[number], real[use], use.outputs) for use in same if use.shape}
        best = max(likeness, key=lambda use: likeness[use], default=None)
        if best is not None and likeness[best] > LIKELY:
            found[number] = best
            free.remove(best)
    return found


def _pairs(
    mine: Sequence[int],
    theirs: Sequence[Use],
    wanted: Mapping[int, Array],
    real: Mapping[Use, NDArray[np.float32]],
) -> dict[int, Use]:
    """Pair uses of one kind and shape, as many here as there."""
    cost = np.zeros((len(mine), len(theirs)))
    if len(mine) > 1:
        for row, number in enumerate(mine):
            for column, use in enumerate(theirs):
                like = _likeness(wanted[number], real[use], use.outputs) if number in wanted else 0.0
                cost[row, column] = 1e-6 * abs(row - column) - round(like, 3)
    rows, columns = linear_sum_assignment(cost)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {mine[row]: theirs[column] for row, column in pairs if mine[row] in wanted}


def _likeness(expected: Array, real: NDArray[np.float32], outputs: int) -> float:
    """Energy of ``expected`` that ``real`` explains with a factor for each output, as a fraction; 0 without any."""
    if expected.shape != real.shape:
        return _likeness(expected.reshape(1, -1), real.reshape(1, -1), 0)
    one, other = (by_output(values, outputs).astype(np.float64) for values in (expected, real))
    rows = slice(None, None, -(-one.size // (16 * SAMPLED)))
    one, other = one[rows], other[rows]
    energies, norms = np.sum(one**2, axis=1), np.sum(other**2, axis=1)
    products = np.sum(one * other, axis=1) ** 2
    explained = np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)
    return float(explained.sum() / energies.sum()) if energies.any() else 0.0


def _marked(model: KerasModel) -> Marked:
    """Convert a copy with numbers of their own in its weights and look for these.

    What is found is kept by the place of a weight among all: the copy may call its inner layers by other names.
    """
    key = _network(model)
    if key not in _known:
        copy = copy_model(model)
        every = weights(copy)
        chance = np.random.default_rng(0)
        own = {id(weight.variable) for weight in every.values()}
        for variable in copy.weights:
            if not variable.dtype.is_floating:
                continue
            marks = chance.uniform(0.5, 1.5, variable.shape) if id(variable) in own else VECTOR
            variable.assign(np.broadcast_to(marks, variable.shape).astype(variable.dtype.as_numpy_dtype))
        file = File(convert(fold_scaling(copy)))
        uses = file.uses()
        _known[key] = uses, list(_find(every, uses, file).values())
    return _known[key]


def _network(model: KerasModel) -> str:
    """Identifies what decides about the graph."""
    layers = [(type(layer).__qualname__, id(type(layer))) for layer in model._flatten_layers(recursive=True)]
    shapes = [tuple(variable.shape) for variable in model.weights]
    config = json.dumps(model.get_config(), default=repr)
    return hashlib.sha256(repr((config, layers, shapes)).encode()).hexdigest()


def _find(every: Mapping[str, Weight], uses: Sequence[Use], file: File) -> dict[str, tuple[tuple[int, Part], ...]]:
    """Find for each weight the uses of constants with its numbers, whole ones before pieces."""
    constants = {(use.graph, use.tensor): file.constant(use.graph, use.tensor).real() for use in uses}
    axes = {(use.graph, use.tensor): use.outputs for use in reversed(uses)}
    values = {path: weight.values() for path, weight in every.items()}
    owners: dict[tuple[int, int], tuple[str, Part]] = {}
    for path, place, part in _candidates(values, constants, _whole):
        tiny = constants[place].size < 3  # any two numbers are alike; the first that is free is taken
        if place not in owners and not (tiny and any(path == owner for owner, _ in owners.values())):
            owners[place] = path, part
    whole = {path for path, _ in owners.values()}
    left = {path: array for path, array in values.items() if path not in whole}
    free = {place: array for place, array in constants.items() if place not in owners}
    for path, place, part in _candidates(left, free, _pieces):
        owners.setdefault(place, (path, part))
    found: dict[str, list[tuple[int, Part]]] = {path: [] for path in every}
    for number, use in enumerate(uses):
        place = use.graph, use.tensor
        if place in owners:
            path, part = owners[place]
            found[path].append((number, replace(part, graph=use.graph, tensor=use.tensor, outputs=axes[place])))
    return {path: tuple(parts) if _complete([part for _, part in parts]) else () for path, parts in found.items()}


def _complete(parts: Sequence[Part]) -> bool:
    return bool(parts) and {part.piece for part in parts} == set(range(parts[0].pieces))


def _candidates(values: Values, constants: Mapping[tuple[int, int], Array], look: Any) -> list[Any]:
    """Likely owners of constants, the likeliest first."""
    found = [
        (like, path, place, part)
        for path, array in values.items()
        for place, constant in constants.items()
        for like, part in look(array, constant)
    ]
    return [rest for _, *rest in sorted(found, key=lambda each: -round(each[0], 6))]


def _whole(array: Array, constant: Array) -> list[tuple[float, Part]]:
    if array.size != constant.size:
        return []
    like, order = _arrangement(array, constant)
    return [(like, Part(0, 0, 0, order))] if like > _least(constant) else []


def _pieces(array: Array, constant: Array) -> list[tuple[float, Part]]:
    pieces, rest = divmod(array.size, constant.size)
    if rest or not 1 < pieces <= PIECES or constant.size < FEW:
        return []
    found = []
    for axis in reversed(range(array.ndim)):
        if array.shape[axis] % pieces == 0:
            for piece, cut in enumerate(np.split(array, pieces, axis)):
                like, order = _arrangement(cut, constant)
                if like > _least(constant):
                    found.append((like, Part(0, 0, 0, order, axis, piece, pieces)))
    return found


def _least(constant: Array) -> float:
    """The correlation that no other numbers have: few are alike by chance, and many may have been changed a little."""
    return SURE if constant.size >= FEW else EXACT


def _arrangement(array: Array, constant: Array) -> tuple[float, tuple[int, ...]]:
    """The order of axes in which ``array`` is most like ``constant``, and their correlation."""
    wide = [axis for axis, size in enumerate(array.shape) if size > 1]
    narrow = [axis for axis, size in enumerate(array.shape) if size == 1]
    places = np.arange(array.size) if array.size <= SAMPLED else _drawn(array.size)
    seen = constant.reshape(-1)[places].astype(np.float64)
    said = seen != 0  # no mark is zero: the network leaves out what it multiplies by nothing
    if 2 * said.sum() > len(places):
        places, seen = places[said], seen[said]
    best: tuple[float, tuple[int, ...]] = -1.0, tuple(range(array.ndim))
    for chosen in itertools.permutations(wide):
        order = (*narrow, *chosen)
        inside = np.unravel_index(places, [array.shape[axis] for axis in order])
        back = [inside[order.index(axis)] for axis in range(array.ndim)]
        like = _correlation(array[tuple(back)].astype(np.float64), seen)
        if like > best[0]:
            best = like, order
    return best


def _drawn(size: int) -> NDArray[np.int64]:
    return np.random.default_rng(size).integers(0, size, SAMPLED)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if len(one) < 3:
        return 1.0
    one, other = one - one.mean(), other - other.mean()
    norm = np.sqrt(np.sum(one**2) * np.sum(other**2))
    return float(abs(np.sum(one * other)) / norm) if norm else 0.0
