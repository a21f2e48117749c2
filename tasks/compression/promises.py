"""Measure promises again in what there is now."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tasks.compression.flatbuffer import Constant
from tasks.compression.layer_states import constants
from tasks.compression.records import Promise
from tasks.compression.sparsity.patterns import most_in_groups
from tasks.compression.technique import Claim, Kind, Subject
from tasks.compression.weights import of_layer

GONE = "no such weights"
HIDDEN = "not measured: no operator of the file reads these weights as they are"
Measure = Callable[[Constant, float | str], tuple[float | str, bool]]


def measure(claims: Iterable[Claim], subject: Subject) -> tuple[Promise, ...]:
    """Check every claim on the subject's present form.

    A promise about a layer holds if it holds for each of its weights, and in each copy that a file has of them. What
    is measured is that of the first for which it does not.

    Args:
        claims: of all steps so far.
        subject: what there is now.

    Returns:
        each claim with what was measured, and whether it holds.
    """
    found = constants(subject)
    there = {**dict.fromkeys(subject.places, ()), **found}
    return tuple(_check(claim, [there[path] for path in of_layer(there, claim.layer)]) for claim in claims)


def _check(claim: Claim, weights: Sequence[Sequence[Constant]]) -> Promise:
    measured, holds = _measured(claim, weights)
    return Promise(layer=claim.layer, promise=claim.kind, promised=claim.promised, measured=measured, holds=holds)


def _measured(claim: Claim, weights: Sequence[Sequence[Constant]]) -> tuple[float | str, bool]:
    if not all(weights):
        return HIDDEN, False
    results = [MEASURES[claim.kind](copy, claim.promised) for copies in weights for copy in copies]
    return next((result for result in results if not result[1]), results[0]) if results else (GONE, False)


def _zeros(constant: Constant, promised: float | str) -> tuple[float, bool]:
    measured = round(constant.sparsity(), 6)
    return measured, measured >= float(promised) - 1e-6


def _pattern(constant: Constant, promised: float | str) -> tuple[str, bool]:
    n, m = (int(number) for number in str(promised).split(":"))
    measured = most_in_groups(constant.values != constant.zero_point, m)
    return f"{measured}:{m}", measured <= n


def _clusters(constant: Constant, promised: float | str) -> tuple[float, bool]:
    measured = constant.clusters()
    return measured, measured <= float(promised)


def _dtype(constant: Constant, promised: float | str) -> tuple[str, bool]:
    return constant.dtype, constant.dtype == promised


def _width(constant: Constant, promised: float | str) -> tuple[float, bool]:
    measured = constant.values.shape[constant.outputs]
    return measured, measured <= float(promised)


def _levels(constant: Constant, promised: float | str) -> tuple[float, bool]:
    measured = float(np.abs(constant.values.astype(np.float32) - constant.zero_point).max())
    return measured, measured <= float(promised)


# for each kind of promise: what is measured of a layer's weights, and whether that is what was promised
MEASURES: dict[Kind, Measure] = {
    "zeros": _zeros,
    "pattern": _pattern,
    "clusters": _clusters,
    "dtype": _dtype,
    "channels": _width,
    "rank": _width,
    "levels": _levels,
}
