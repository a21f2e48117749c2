from pathlib import Path
from typing import Any

import numpy as np

from tasks.compression.technique import Subject
from tasks.compression.techniques.fine_tune import FineTune
from tasks.compression.weights import values as kernels
from tasks.learning.saving import copy_model
from tests.tasks.compression.cases import context


def test_zeros_stay_exactly_and_the_rest_is_trained(tiny: Any, prepared: Path) -> None:
    model = copy_model(tiny)
    rng = np.random.default_rng(1)
    for name, kernel in kernels(model).items():
        others = model.get_layer(name).get_weights()[1:]
        model.get_layer(name).set_weights([kernel * (rng.random(kernel.shape) > 0.5), *others])
    before = kernels(model)
    technique = FineTune(technique="fine_tune", epochs=1, learning_rate=0.01)
    result = technique.apply(Subject(model), context(prepared))
    for name, kernel in kernels(result.subject.network).items():
        assert np.array_equal(kernel == 0, before[name] == 0)
        assert np.mean(kernel[kernel != 0] != before[name][before[name] != 0]) > 0.9
        assert np.array_equal(kernels(model)[name], before[name])
    assert set(result.changed) >= set(before)
