from pathlib import Path

import numpy as np
import pytest

from tasks.errors import EvaluationError
from tasks.litert import LiteRTModel, Tensor

TASKS = Path(__file__).parents[2] / "tasks"


def test_real_values_come_back_from_stored_ones() -> None:
    tensor = Tensor(name="x", shape=(1, 3), dtype="int8", scale=0.5, zero_point=-3)
    stored = tensor.encode(np.array([-1.0, 0.0, 0.7, 1000.0, -1000.0], np.float32))
    assert stored.dtype == np.int8
    assert stored.tolist() == [-5, -3, -2, 127, -128]
    assert tensor.decode(stored)[:3].tolist() == [-1.0, 0.0, 0.5]


def test_a_tensor_without_a_scale_keeps_its_values() -> None:
    tensor = Tensor(name="x", shape=(1, 2), dtype="float32", scale=0.0, zero_point=0)
    assert tensor.encode(np.array([3, 250], np.uint8)).tolist() == [3.0, 250.0]
    assert tensor.decode(np.array([1.5], np.float32)).tolist() == [1.5]


def test_pixels_go_unchanged_into_an_input_that_takes_pixels() -> None:
    pixels = np.arange(4, dtype=np.uint8)
    assert Tensor(name="x", shape=(1, 4), dtype="uint8", scale=1.0, zero_point=0).encode(pixels) is pixels


def test_scores_are_those_of_the_network_before_its_conversion(models: Path) -> None:
    images = np.load(models / "digits.npz")["images"][:50]
    expected = np.load(models / "digits_scores.npz")["scores"]
    model = LiteRTModel(models / "digits_float.tflite")
    np.testing.assert_allclose(model.predict(images), expected, atol=1e-3)
    (image,) = model.inputs.values()
    assert (image.shape, image.dtype) == ((1, 8, 8, 1), "uint8")


def test_quantized_scores_are_dequantized(models: Path) -> None:
    images = np.load(models / "digits.npz")["images"][:50]
    model = LiteRTModel(models / "digits_int8.tflite")
    expected = np.load(models / "digits_scores.npz")["scores"]
    assert model.output.dtype == "uint8"
    scores = model.predict(images)
    assert scores.dtype == np.float32
    assert np.abs(scores - expected).mean() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_batches_answer_like_single_samples(models: Path, batch: int) -> None:
    images = np.load(models / "digits.npz")["images"][:20]
    model = LiteRTModel(models / "digits_int8.tflite")
    np.testing.assert_allclose(model.predict(images, batch), LiteRTModel(models / "digits_int8.tflite").predict(images))
    assert model.predict(images[:0], batch).shape == (0, 10)


def test_other_images_are_refused(models: Path) -> None:
    with pytest.raises(EvaluationError, match=r"of shape \(8, 8, 1\)\. Received: \(8, 9, 1\)"):
        LiteRTModel(models / "digits_float.tflite").predict(np.zeros((1, 8, 9, 1), np.uint8))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(EvaluationError, match="to be a model that LiteRT loads"):
        LiteRTModel(path)


def test_a_model_of_a_fixed_batch_answers_one_sample_after_the_other(models: Path) -> None:
    images = np.load(models / "digits.npz")["images"][:20]
    fixed = LiteRTModel(models / "digits_fixed_batch.tflite")
    assert np.array_equal(fixed.predict(images, batch=8), fixed.predict(images))


def test_kernels_without_the_delegate_and_all_tensors_are_to_be_had(models: Path) -> None:
    path = models / "digits_float.tflite"
    images = np.load(models / "digits.npz")["images"][:5]
    plain = LiteRTModel(path.read_bytes(), delegate=False, keep_all=True)
    np.testing.assert_allclose(plain.predict(images), LiteRTModel(path).predict(images), atol=1e-4)
    first = plain.interpreter._get_ops_details()[0]["outputs"][0]
    assert plain.interpreter.get_tensor(first).any()


def test_no_other_module_makes_an_interpreter() -> None:
    """State lives in an interpreter: who made one would have to know how it is set back."""
    made = {
        str(path.relative_to(TASKS))
        for path in TASKS.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "Interpreter(" in line or "ai_edge_litert.interpreter" in line or "import interpreter" in line
    }
    assert made == {"litert/interpreter.py"}
