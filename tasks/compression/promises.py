"""What was promised, measured again in what there is now."""

from collections.abc import Callable, Iterable

import numpy as np

from tasks.compression.flatbuffer import Constant
from tasks.compression.layer_states import constants
from tasks.compression.records import Promise
from tasks.compression.sparsity.patterns import most_in_groups
from tasks.compression.technique import Claim, Kind, Subject


def measure(claims: Iterable[Claim], subject: Subject) -> tuple[Promise, ...]:
    """Check every claim on the subject's present form."""
    claims = tuple(claims)
    weights = constants(subject, {claim.layer for claim in claims})
    return tuple(_check(claim, weights.get(claim.layer)) for claim in claims)


def _check(claim: Claim, constant: Constant | None) -> Promise:
    measured, holds = ("no such weights", False) if constant is None else MEASURES[claim.kind](constant, claim.promised)
    return Promise(layer=claim.layer, promise=claim.kind, promised=claim.promised, measured=measured, holds=holds)


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
    measured = len(constant.values)
    return measured, measured <= float(promised)


def _levels(constant: Constant, promised: float | str) -> tuple[float, bool]:
    measured = float(np.abs(constant.values.astype(np.float32) - constant.zero_point).max())
    return measured, measured <= float(promised)


# for each kind of promise: what is measured of a layer's weights, and whether that is what was promised
MEASURES: dict[Kind, Callable[[Constant, float | str], tuple[float | str, bool]]] = {
    "zeros": _zeros,
    "pattern": _pattern,
    "clusters": _clusters,
    "dtype": _dtype,
    "channels": _width,
    "rank": _width,
    "levels": _levels,
}
