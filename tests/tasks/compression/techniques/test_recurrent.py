"""Every technique on recurrent kernels and tables: what it promises is in the file, or the reason is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.litert import LiteRTModel
from tests.tasks.compression.texts import carried_out, network, tokens

INT4 = {"technique": "quantize", "mode": "int4", "calibration": 64}
KERNELS = {"memory/kernel", "memory/recurrent_kernel"}
CASES: dict[str, tuple[list[dict[str, Any]], str, set[str]]] = {
    "pruned": ([{"technique": "prune", "sparsity": 0.5, "epochs": 1}, INT4], "zeros", KERNELS),
    "clustered": ([{"technique": "cluster", "clusters": 8, "epochs": 1}, INT4], "clusters", KERNELS),
    "factorized": ([{"technique": "factorize", "rank": {"by": "fixed", "rank": 4}}, INT4], "rank", {"memory_in"}),
    "quantized": ([INT4], "dtype", KERNELS),
    "unrolled": ([{"technique": "unroll"}, INT4], "dtype", KERNELS),
}
QUICK = {("lstm", "quantized")}
EVERY = [
    pytest.param(network, case, marks=() if (network, case) in QUICK else pytest.mark.slow)
    for network in ("lstm", "gru")
    for case in CASES
    if (network, case) != ("gru", "unrolled")
]


@pytest.mark.parametrize(("name", "case"), EVERY)
def test_what_is_promised_of_recurrent_kernels_is_in_the_file(name: str, case: str, texts: Path) -> None:
    steps, kind, layers = CASES[case]
    flatbuffer, candidate = carried_out(steps, network(texts, name), texts)
    promises = candidate.steps[-1].promises
    assert all(promise.holds for promise in promises), [each for each in promises if not each.holds]
    assert layers <= {promise.layer for promise in promises if promise.promise == kind}
    if case == "factorized":
        (skip,) = (skip for skip in candidate.steps[0].skipped if skip.layer == "memory/recurrent_kernel")
        assert "no layer multiplies its states by two matrices" in skip.sentence
    loaded = LiteRTModel(flatbuffer)
    first, again = (loaded.predict(tokens(texts)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
