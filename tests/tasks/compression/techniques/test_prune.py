from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compression.layers import kernels
from tasks.compression.records import Reason
from tasks.compression.technique import Subject
from tasks.compression.techniques.prune import Prune
from tasks.training.saving import copy_model, weights_digest
from tests.tasks.compression.cases import context
from tests.tasks.training.material import depthwise


def prune(model: Any, prepared: Path, **settings: Any) -> Any:
    technique = Prune.model_validate({"technique": "prune", "epochs": 1, **settings})
    before = weights_digest(model)
    result = technique.apply(Subject(model), context(prepared, batch_size=256))
    assert weights_digest(model) == before
    return result


@pytest.mark.parametrize("ramp", ["constant", "polynomial"])
def test_without_learning_exactly_the_smallest_weights_go(tiny: Any, prepared: Path, ramp: str) -> None:
    result = prune(tiny, prepared, sparsity=0.6, learning_rate=1e-12, ramp=ramp)
    after = kernels(result.subject.model)
    assert set(result.changed) == set(after)
    for name, before in kernels(tiny).items():
        size = np.abs(before).ravel()
        stay = round(before.size * 0.4)
        smallest = np.sort(size)[::-1][stay - 1]
        assert np.count_nonzero(after[name]) == stay
        assert np.array_equal(after[name].ravel() == 0, size < smallest)
        assert np.allclose(after[name].ravel()[size >= smallest], before.ravel()[size >= smallest], atol=1e-6)


def test_a_layer_pruned_again_keeps_the_zeros_it_has(tiny: Any, prepared: Path) -> None:
    model = copy_model(tiny)
    rng = np.random.default_rng(1)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel * (rng.random(kernel.shape) > 0.9), bias])
    before = kernels(model)
    after = kernels(prune(model, prepared, sparsity=0.5, learning_rate=0.01).subject.model)
    assert np.mean(before["logits"] == 0) > 0.85
    assert np.all(after["logits"][before["logits"] == 0] == 0)
    assert not np.array_equal(after["logits"], before["logits"])
    assert 0.49 < np.mean(after["conv2d"] == 0) < 0.51


def test_what_tfmot_passes_over_is_named(prepared: Path) -> None:
    model = depthwise()
    before = kernels(model)
    result = prune(model, prepared, sparsity=0.5, learning_rate=1e-12)
    assert set(result.changed) == {"convolution", "logits"}
    assert {skip.layer: skip.reason for skip in result.skipped} == {
        "channelwise": Reason.UNSUPPORTED,
        "inner": Reason.UNSUPPORTED,
    }
    assert np.allclose(kernels(result.subject.model)["channelwise"], before["channelwise"], atol=1e-6)
    assert {claim.layer for claim in result.claims} == {"convolution", "logits"}
