"""Mixed precision: what computes in 16 bits, and that nothing but the training sees it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.learning.fitting import Plan, fit
from tasks.learning.precision import in_precision
from tasks.learning.saving import weights_digest
from tasks.workloads.image.networks import BUILDERS
from tests.tasks.training.material import CLASSES, SHAPE, Stopped, answers, depthwise, samples, stopping_after, tiny

PLAN = Plan(epochs=4, batch_size=64, learning_rate=0.005, seed=3, precision="mixed_bfloat16")


def leaves(model: Any) -> list[Any]:
    return [each for each in model._flatten_layers(include_self=False) if not isinstance(each, keras().models.Model)]


@pytest.mark.parametrize("build", [tiny, depthwise, lambda: BUILDERS["resnet8"](SHAPE, CLASSES, 0.2)])
def test_layers_compute_in_16_bits_and_keep_weights_and_logits_in_32(build: Any, prepared: Path) -> None:
    set_seed(1)
    model = build()
    mixed = in_precision(model, "mixed_bfloat16")
    computed = {
        each.name: each.compute_dtype for each in leaves(mixed) if not isinstance(each, keras().layers.InputLayer)
    }
    assert computed.pop("logits") == "float32"
    assert set(computed.values()) == {"bfloat16"}
    assert {variable.dtype.name for variable in mixed.variables if "seed" not in variable.name} <= {"float32", "int64"}
    assert {each.compute_dtype for each in leaves(model)} == {"float32"}
    assert weights_digest(mixed) == weights_digest(model)
    assert not {id(each) for each in leaves(mixed)} & {id(each) for each in leaves(model)}
    images, _ = samples("test", prepared, 100)
    exact, rough = answers(model, images), answers(mixed, images)
    assert rough.dtype == np.float32
    # bfloat16 has 8 significant bits: close, and not the same
    assert 0 < np.abs(exact - rough).max() < 0.05 * np.abs(exact).max()


def test_float32_is_the_model_itself() -> None:
    model = tiny()
    assert in_precision(model, "float32") is model


def test_what_was_trained_in_16_bits_is_a_float32_model_that_knows_its_digits(prepared: Path) -> None:
    set_seed(3)
    model = tiny()
    before = model.to_json()
    course = fit(model, replace(PLAN, epochs=12), prepared, say=lambda _: None)
    assert model.to_json() == before
    images, labels = samples("validation", prepared)
    accuracy = float(np.mean(answers(model, images).argmax(axis=1) == labels))
    assert accuracy > 0.9
    assert course.rows[course.best_epoch - 1]["validation_accuracy"] == pytest.approx(accuracy, abs=0.02)


def test_training_in_16_bits_is_repeatable_and_goes_on_after_a_stop(prepared: Path, tmp_path: Path) -> None:
    def trained(**more: Any) -> str:
        set_seed(3)
        model = tiny()
        fit(model, PLAN, prepared, **{"say": lambda _: None, **more})
        return weights_digest(model)

    with pytest.raises(Stopped):
        trained(backup=tmp_path, say=stopping_after(1, []))
    lines: list[str] = []
    resumed = trained(backup=tmp_path, say=lines.append)
    assert lines[0] == "goes on after epoch 1"
    assert resumed == trained()


def test_another_precision_is_another_training(prepared: Path) -> None:
    model = tiny()
    assert PLAN.digest(model, prepared) != replace(PLAN, precision="float32").digest(model, prepared)
