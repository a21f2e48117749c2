from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.errors import ConversionError, TrainingError
from tasks.learning.comparison import (
    answers,
    check_float16,
    check_float32,
    check_same,
    check_saved,
    check_split,
    compare,
    describe_rounded,
)
from tasks.learning.conversion import convert, fold_scaling, to_tflite
from tasks.learning.recorded import Recorded, recorded_samples
from tasks.learning.saving import copy_model
from tasks.samples import Inputs
from tests.tasks.training import odd_networks
from tests.tasks.training.material import SPECS, samples
from tests.tasks.training.odd_networks import own_layers, stack

NOISE = recorded_samples(SPECS, None)

RIGHT: dict[str, Callable[[], Any]] = {
    "a subclass of a convolution first": odd_networks.standardized,
    "a convolution that is called twice": odd_networks.called_twice,
    "TensorFlow operations in the graph": odd_networks.with_operations,
    "noise that only training has": lambda: stack(keras().layers.GaussianNoise(0.5), keras().layers.Dropout(0.5)),
}
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "noise in inference": (lambda: stack(own_layers()["Noisy"](name="own")), "own .Noisy. gives other outputs when"),
    "samples mixed": (lambda: stack(own_layers()["Centered"](name="own")), "own .Centered. gives other outputs to"),
    "traced otherwise": (lambda: stack(own_layers()["Traced"](name="own")), "own .Traced. is the first that differs"),
    "a count of calls": (lambda: stack(own_layers()["Counting"](name="own")), "answer for each sample alone"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_file_is_its_network(name: str) -> None:
    model = RIGHT[name]()
    found = check_float32(model, to_tflite(model), NOISE)
    assert found.signal_to_noise_db >= 120
    assert (found.samples, found.agreement, found.needed_db) == (64, 1.0, 110.0)


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_not_its_network_is_refused_and_the_layer_named(name: str) -> None:
    build, sentence = WRONG[name]
    model = build()
    flatbuffer = to_tflite(model)
    with pytest.raises(ConversionError, match=sentence):
        check_float32(model, flatbuffer, NOISE)


def test_another_networks_file_is_refused_though_no_layer_differs(tiny: Any) -> None:
    other = keras().models.clone_model(tiny)
    with pytest.raises(ConversionError, match=r"to 110 dB .* Received: -?\d+\.\d dB and \d+ other answers on 64"):
        check_float32(other, to_tflite(tiny), NOISE)


def test_an_operation_that_litert_has_not_is_named() -> None:
    class Trained(keras().layers.BatchNormalization):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return super().call(inputs, training=True)

    with pytest.raises(ConversionError, match=r"operations for\. Received: 'tf.FusedBatchNormV3' op is neither"):
        to_tflite(stack(Trained()))


def test_a_configuration_that_does_not_say_all_is_refused(tmp_path: Path) -> None:
    layer = own_layers()["Forgetful"](name="own")
    layer.factor = 2.0
    model = stack(layer)
    copy = keras().models.clone_model(model)
    copy.set_weights(model.get_weights())
    with pytest.raises(ConversionError, match=r"own .Forgetful. is the first that differs, in a copy"):
        check_saved(model, copy, NOISE, tmp_path / "baseline.keras")


def test_layers_that_share_a_variable_are_converted_right_and_no_copy_is_made_of_them() -> None:
    first, second = (keras().layers.Conv2D(1, 3, padding="same") for _ in range(2))
    model = stack(first, second)
    second.kernel = first.kernel
    with pytest.raises(TrainingError, match="no two layers share a variable"):
        copy_model(model)
    assert check_float32(model, to_tflite(model), NOISE).signal_to_noise_db >= 110


def test_logits_that_are_no_numbers_are_refused(tiny: Any) -> None:
    flatbuffer = to_tflite(tiny)
    copy = keras().models.clone_model(tiny)
    copy.set_weights([np.full_like(weight, np.nan) for weight in tiny.get_weights()])
    with pytest.raises(ConversionError, match="NaN or infinite logits for 64 of 64"):
        check_float32(copy, flatbuffer, NOISE)


def test_a_float16_file_is_its_network_with_rounded_weights(residual: Any, prepared: Path) -> None:
    from tasks.compression.quantization.modes import configurations

    half = convert(fold_scaling(residual), configurations()["float16"])
    found = check_float16(residual, half, recorded_samples(SPECS, prepared))
    assert found.rounded_db is not None
    assert found.rounded_db >= 110
    assert 50 < found.signal_to_noise_db < 100
    moved = keras().models.clone_model(residual)
    moved.set_weights([weight * 1.0001 for weight in residual.get_weights()])
    with pytest.raises(ConversionError, match="rounded to float16"):
        check_float16(moved, half, NOISE)


def test_float16_that_cannot_hold_a_weight_is_refused() -> None:
    model = stack(keras().layers.Conv2D(4, 3, name="first"))
    kernel, bias = model.get_layer("logits").get_weights()
    kernel[0, 0] = 1e6
    model.get_layer("logits").set_weights([kernel, bias])
    with pytest.raises(ConversionError, match=r"up to 65,504. Received: 1,000,000 in layer logits"):
        check_float16(model, b"", NOISE)


def test_rounded_files_are_described(tiny: Any) -> None:
    expected = answers(tiny, NOISE.inputs.arrays["image"])
    assert describe_rounded(expected, to_tflite(tiny), NOISE, "it").signal_to_noise_db > 110
    with pytest.raises(ConversionError, match=r"to give \(3,\), as it does"):
        describe_rounded(expected[:, :3], to_tflite(tiny), NOISE, "it")


def test_a_file_laid_out_anew_must_give_the_same_bits(tiny: Any, article: Any) -> None:
    flatbuffer = to_tflite(tiny)
    assert check_same(flatbuffer, flatbuffer, NOISE, "it").signal_to_noise_db == 200
    with pytest.raises(ConversionError, match="answers of it bit for bit"):
        check_same(flatbuffer, to_tflite(article), NOISE, "it")


def test_the_file_has_the_accuracy_of_its_network(tiny: Any, article: Any, prepared: Path) -> None:
    flatbuffer, recorded = to_tflite(tiny), recorded_samples(SPECS, prepared)
    held = check_float32(tiny, flatbuffer, recorded)
    images, labels = samples("validation", prepared)
    assert check_split(tiny, flatbuffer, held, "accuracy", prepared) == np.mean(
        answers(tiny, images).argmax(axis=1) == labels
    )
    with pytest.raises(ConversionError, match=r"on the validation split\. Received: \d+ others of 288"):
        check_split(article, flatbuffer, held, "accuracy", prepared)


def test_only_answers_within_the_permitted_error_are_ties() -> None:
    expected = np.array([[1, 1 - 1e-7, 0], [1, 0.9, 0]], np.float32)
    swapped = expected[:, [1, 0, 2]]
    found = compare(expected, swapped, Recorded(Inputs({"image": np.zeros((2, 1, 1, 1), np.uint8)}), 0), needed=110.0)
    assert (found.agreement, found.ties) == (0.0, 1)


def test_samples_are_of_the_validation_split_then_of_the_training_split_then_noise(prepared: Path) -> None:
    validation, training = (samples(split, prepared)[0] for split in ("validation", "train"))
    few = recorded_samples(SPECS, prepared)
    assert np.array_equal(few.inputs.arrays["image"], validation[:64])
    many = recorded_samples(SPECS, prepared, len(validation) + 5)
    assert np.array_equal(many.inputs.arrays["image"][-5:], training[:5])
    most = recorded_samples(SPECS, prepared, len(validation) + len(training) + 7)
    assert (most.noise, few.noise, NOISE.noise) == (7, 0, 64)
    assert (NOISE.inputs.arrays["image"].min(), NOISE.inputs.arrays["image"].max()) == (0, 255)
