import importlib
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
from tasks.samples import PREPARED, read_dataset
from tests.integration.visits import AMOUNTS, LAST, PAGES, Visits, network
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


def rows(*sides: Any) -> Any:
    """A network that gives a row of ten for each of several places."""
    layers = keras().layers
    return keras().Sequential([keras().Input((16, 16, 1)), layers.Reshape(sides), layers.Dense(10)])


def lambda_model() -> Any:
    return other([keras().layers.Lambda(lambda values: values / 255, name="own")])


def sliced() -> Any:
    layers = keras().layers
    inputs = keras().Input((16, 16, 1))
    return keras().Model(inputs, layers.Dense(10)(layers.Flatten()(inputs[..., :1])))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda: rows(1, 256), r"gives \[n, outputs\]. Received: one that gives \['n', 1, 10\]"),
        (lambda: rows(4, 64), r"\['n', 4, 10\]"),
        (lambda_model, r"layer own \(Lambda\).*A file does not keep the function of a Lambda"),
        (lambda: other([keras().layers.Conv2D(2, 3, activation=lambda x: x, name="own")]), r"layer own \(Conv2D\)"),
        (sliced, "SlicingOpLambda.*a layer of your own that slices"),
    ],
)
def test_a_model_that_cannot_be_compressed_is_refused_in_a_sentence(
    network: Callable[[], Any], words: str, prepared: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        slimline.compress(network(), [INT8], prepared)


def test_sides_that_a_model_leaves_open_are_those_of_the_data(prepared: Path) -> None:
    layers = keras().layers
    stack = [layers.Rescaling(1 / 255), layers.Conv2D(8, 3, padding="same", activation="relu")]
    model = keras().Sequential(
        [keras().Input((None, None, 1)), *stack, layers.GlobalAveragePooling2D(), layers.Dense(10)]
    )
    made = slimline.compress(model, [{"technique": "width_to_depth"}], prepared)
    file = LiteRTModel(made.model)
    assert file.inputs["image"].shape == (1, 16, 16, 1)
    images = samples("validation", prepared, 16)[0]
    assert np.allclose(file.predict(images), answers(model, images), atol=1e-4)
    assert made.record.baseline_weights_sha256 == weights_digest(model)


@pytest.mark.slow
def test_functions_that_are_registered_are_found_by_the_stage(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bent_function.py").write_text(
        "import tf_keras\n\n"
        "@tf_keras.saving.register_keras_serializable('bent')\n"
        "def bent(values):\n    return values * values\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    bent = importlib.import_module("bent_function").bent
    model = other([keras().layers.Rescaling(1 / 255), keras().layers.Conv2D(2, 3, activation=bent)])
    images = samples("validation", prepared, 16)[0]
    file = LiteRTModel(slimline.compress(model, [{"technique": "convert"}], prepared).model)
    assert np.allclose(file.predict(images), answers(model, images), atol=1e-4)


def visits(count: int = 200) -> tuple[dict[str, Any], Any]:
    rng = np.random.default_rng(1)
    amounts = rng.normal(size=(count, AMOUNTS)).astype(np.float32)
    inputs = {"pages": rng.integers(0, PAGES, (count, LAST)).astype(np.int32), "amounts": amounts}
    return inputs, np.where(amounts.sum(axis=1) > 0, "yes", "no")


@pytest.mark.slow
def test_a_model_of_named_inputs_becomes_a_file_that_takes_them_by_name(tmp_path: Path) -> None:
    model, (inputs, labels) = network(Visits.inputs, 2), visits()
    steps = [{"technique": "fine_tune", "epochs": 2}, {"technique": "quantize", "mode": "int8", "calibration": 40}]
    made = slimline.compress(model, steps, (inputs, labels), folder=tmp_path)
    file = LiteRTModel(made.model)
    assert {name: tensor.dtype for name, tensor in file.inputs.items()} == {"pages": "int32", "amounts": "float32"}
    dataset = read_dataset(tmp_path / PREPARED)
    assert dataset.classes == ("no", "yes")
    assert [part.samples for part in dataset.splits.values()] == [160, 20, 20]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"pages": None}, ConfigError, r"which takes pages \(4,\), amounts \(3,\) and gives 2"),
        ({"pages": np.zeros((3, 4), np.int32)}, DataError, r"pages of \[3\]"),
        ({"amounts": np.full((200, 3), np.nan, np.float32)}, DataError, "range of finite numbers"),
        ({"amounts": np.zeros((200, 3), np.complex64)}, DataError, "float32"),
    ],
)
def test_named_inputs_that_do_not_fit_are_refused(change: dict[str, Any], kind: type[Exception], words: str) -> None:
    model, (inputs, labels) = network(Visits.inputs, 2), visits()
    given = {name: array for name, array in {**inputs, **change}.items() if array is not None}
    with pytest.raises(kind, match=words):
        slimline.compress(model, [INT8], (given, labels))


def test_a_recipe_of_a_program_is_not_called_params_yaml(model: Any, arrays: Any) -> None:
    with pytest.raises(ConfigError, match=r"^The recipe does not fit:\nrecipes\.\w+\.0"):
        slimline.compress(model, [{"technique": "prune", "sparsity": 2.0}], arrays)


def test_a_layer_that_no_other_process_can_make_is_refused(arrays: Any) -> None:
    class Unregistered(keras().layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return values

    with pytest.raises(ConfigError, match="Unregistered"):
        slimline.compress(other([Unregistered()]), [INT8], arrays)
