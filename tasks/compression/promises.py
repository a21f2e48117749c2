"""What was promised, measured again in what there is now."""

from collections.abc import Iterable

import numpy as np

from tasks.compression.flatbuffer import Constant, constants_by_layer
from tasks.compression.layers import kernels
from tasks.compression.records import Promise
from tasks.compression.technique import Claim, Subject


def measure(claims: Iterable[Claim], subject: Subject) -> tuple[Promise, ...]:
    """Check every claim on the subject's present form."""
    claims = tuple(claims)
    weights = _weights(subject, {claim.layer for claim in claims})
    return tuple(_check(claim, weights.get(claim.layer)) for claim in claims)


def _weights(subject: Subject, layers: set[str]) -> dict[str, Constant]:
    if subject.form == "flatbuffer":
        return constants_by_layer(subject.flatbuffer, layers)
    found = kernels(subject.model)
    # output channels first, as in the flatbuffer
    return {
        name: Constant(np.moveaxis(found[name], -1, 0), found[name].dtype.name, 0) for name in layers if name in found
    }


def _check(claim: Claim, constant: Constant | None) -> Promise:
    measured: float | str
    if constant is None:
        measured, holds = "no such weights", False
    elif claim.kind == "zeros":
        measured = round(constant.sparsity(), 6)
        holds = measured >= float(claim.promised) - 1e-6
    elif claim.kind == "clusters":
        measured = constant.clusters()
        holds = measured <= float(claim.promised)
    else:
        measured, holds = constant.dtype, constant.dtype == claim.promised
    return Promise(layer=claim.layer, promise=claim.kind, promised=claim.promised, measured=measured, holds=holds)
