from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import slimline
from tasks.backend import keras, set_seed
from tasks.compression.recipe import parse_recipe
from tasks.errors import ConfigError, DataError, Unsuited
from tasks.learning.saving import weights_digest
from tasks.litert import LiteRTModel
from tests.tasks.training.material import answers, prepare_digits, samples, tiny

INT8 = {"technique": "quantize", "mode": "int8", "calibration": 40}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_digits(tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture(scope="module")
def model() -> Any:
    set_seed(1)
    return tiny()


@pytest.fixture(scope="module")
def arrays(prepared: Path) -> tuple[Any, Any]:
    return samples("train", prepared, 300)


def test_a_model_in_memory_becomes_a_file_with_its_record(model: Any, arrays: Any, tmp_path: Path) -> None:
    before, lines = weights_digest(model), list[str]()
    (technique,) = parse_recipe("r", [INT8])
    made = slimline.compress(model, [technique], arrays, folder=tmp_path / "work", say=lines.append)
    assert weights_digest(model) == made.record.baseline_weights_sha256 == before
    assert [step.technique for step in made.record.steps] == ["quantize"]
    assert made.record.bytes == len(made.model)
    assert "step 1/1: quantize" in lines
    images = arrays[0][:64]
    same = LiteRTModel(made.write(tmp_path / "model.tflite")).predict(images).argmax(-1) == answers(
        model, images
    ).argmax(-1)
    assert np.mean(same) > 0.9


@pytest.mark.slow
def test_what_cannot_be_made_of_the_network_is_refused(prepared: Path) -> None:
    with pytest.raises(Unsuited, match="Expected width_to_depth to change a layer"):
        slimline.compress(other([]), [{"technique": "width_to_depth"}], prepared)


def other(layers: list[Any]) -> Any:
    return keras().Sequential([keras().Input((16, 16, 1)), *layers, keras().layers.Flatten(), keras().layers.Dense(10)])


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda call: call | {"recipe": [{"technique": "quantize", "mode": "int3"}]}, ConfigError, "mode"),
        (lambda call: call | {"recipe": [INT8, {"technique": "fine_tune", "epochs": 1}]}, ConfigError, "flatbuffer"),
        (lambda call: call | {"model": object()}, ConfigError, "Expected a tf_keras model"),
        (lambda call: call | {"data": (call["data"][0][:, :8], call["data"][1])}, ConfigError, "fits the model"),
        (lambda call: call | {"data": (call["data"][0] / 255, call["data"][1])}, DataError, "images uint8"),
        (lambda call: call | {"data": (call["data"][0], call["data"][1][:5])}, DataError, "labels"),
        (lambda call: call | {"data": {"trial": call["data"]}}, ConfigError, "'trial'"),
        (lambda call: call | {"data": "nowhere"}, DataError, "Expected"),
    ],
)
def test_what_does_not_fit_is_refused_before_work(
    model: Any, arrays: Any, change: Callable[[dict[str, Any]], dict[str, Any]], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        slimline.compress(**change({"model": model, "recipe": [INT8], "data": arrays}))


def test_a_recipe_of_a_program_is_not_called_params_yaml(model: Any, arrays: Any) -> None:
    with pytest.raises(ConfigError, match=r"^The recipe does not fit:\nrecipes\.\w+\.0"):
        slimline.compress(model, [{"technique": "prune", "sparsity": 2.0}], arrays)


def test_a_layer_that_no_other_process_can_make_is_refused(arrays: Any) -> None:
    class Unregistered(keras().layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return values

    with pytest.raises(ConfigError, match="Unregistered"):
        slimline.compress(other([Unregistered()]), [INT8], arrays)
