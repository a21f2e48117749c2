from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compression.records import Reason
from tasks.litert import LiteRTModel
from tasks.samples import concatenate
from tests.tasks.compression.cases import Made, calibration_samples, carry_out, context
from tests.tasks.compression.named import constants_by_layer
from tests.tasks.training.material import depthwise, samples

WEIGHTS = {"conv2d": 288, "conv2d_1": 18_432, "dense": 16_384, "logits": 640}  # in the article's kernels here


def loaded(flatbuffer: bytes, folder: Path) -> LiteRTModel:
    path = folder / "model.tflite"
    path.write_bytes(flatbuffer)
    return LiteRTModel(path)


def activations(model: LiteRTModel) -> Counter[str]:
    """Types of what the operations give, leaving out constants and the runtime's own scratch."""
    details = {tensor["index"]: tensor for tensor in model.interpreter.get_tensor_details()}
    return Counter(
        np.dtype(details[index]["dtype"]).name
        for operation in model.interpreter._get_ops_details()
        for index in operation["outputs"]
        if operation["op_name"] != "DELEGATE"
    )


@pytest.mark.parametrize("network", ["article", "residual"])
def test_int8_is_integers_from_pixels_to_logits(made: Made, tmp_path: Path, network: str) -> None:
    model = loaded(made(network, "int8")[0], tmp_path)
    image = model.inputs["image"]
    assert (image.dtype, image.scale, image.zero_point) == ("uint8", 1.0, 0)  # pixels as they are
    assert model.output.dtype == "int8"
    assert set(activations(model)) == {"int8"}


@pytest.mark.parametrize("network", ["article", "residual"])
def test_int16x8_has_16_bit_activations_and_8_bit_weights(made: Made, tmp_path: Path, network: str) -> None:
    flatbuffer, _ = made(network, "int16x8")
    model = loaded(flatbuffer, tmp_path)
    assert (model.inputs["image"].dtype, model.output.dtype) == ("uint8", "float32")
    types = activations(model)
    assert types["float32"] == 2  # the cast pixels and the logits
    assert set(types) == {"float32", "int16"}
    assert {constant.dtype for constant in constants_by_layer(flatbuffer, ["conv2d", "logits"]).values()} == {"int8"}


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_more_bits_are_nearer_to_the_float_model(made: Made, prepared: Path, tmp_path: Path, mode: str) -> None:
    images, _ = samples("test", prepared, 200)
    right = loaded(made("article", "convert")[0], tmp_path).predict(images)
    spread = float(np.ptp(right))
    error = np.abs(loaded(made("article", mode)[0], tmp_path).predict(images) - right).mean() / spread
    assert error < {"int8": 0.02, "int16x8": 0.002}[mode]


def test_what_is_too_small_for_dynamic_quantization_is_named(made: Made) -> None:
    step = made("article", "dynamic_int8")[1].steps[0]
    assert set(step.changed) == {name for name, count in WEIGHTS.items() if count >= 1024}
    assert {skip.layer for skip in step.skipped} == {"conv2d", "logits"}
    assert {skip.reason for skip in step.skipped} == {Reason.CONVERTER}


def test_the_file_is_smaller_by_what_the_types_say(made: Made) -> None:
    plain = made("article", "convert")[1].bytes
    for case, ratio in {"float16": 1.9, "dynamic_int8": 3.2, "int8": 3.2}.items():
        assert plain / made("article", case)[1].bytes > ratio


def test_zeros_and_clusters_of_earlier_steps_are_still_in_the_int8_file(tiny: Any, prepared: Path) -> None:
    for first, kind in [
        ({"technique": "prune", "sparsity": 0.7, "epochs": 1}, "zeros"),
        ({"technique": "cluster", "clusters": 16, "epochs": 1}, "clusters"),
    ]:
        int8 = {"technique": "quantize", "mode": "int8", "calibration": 50}
        _, candidate = carry_out("chain", [first, int8], tiny, prepared)
        promises = candidate.steps[-1].promises
        assert {promise.promise for promise in promises} == {kind, "dtype"}
        assert all(promise.holds for promise in promises)
        assert len(promises) == 4  # of two layers each


def test_a_depthwise_convolution_is_quantized_too(prepared: Path) -> None:
    _, candidate = carry_out("int8", [{"technique": "quantize", "mode": "int8"}], depthwise(), prepared)
    assert candidate.steps[0].changed == ("convolution", "channelwise", "inner/deep", "logits")
    assert candidate.steps[0].skipped == ()


def test_calibration_takes_the_first_training_images(prepared: Path) -> None:
    images, _ = samples("train", prepared, 7)
    taken = list(calibration_samples(7, context(prepared))())
    assert np.array_equal(concatenate(taken).arrays["image"], images)
    assert len(list(calibration_samples(5000, context(prepared))())) == 967


@pytest.mark.parametrize("network", ["article", "residual"])
def test_with_other_biases_int4_answers_as_the_float_model_on_average(
    made: Made, prepared: Path, tmp_path: Path, network: str
) -> None:
    images, _ = samples("train", prepared, 500)  # those of the calibration

    def off(case: str) -> float:
        answers = loaded(made(network, case)[0], tmp_path).predict(images)
        return float(np.abs((answers - right).mean(axis=0)).mean())

    right = loaded(made(network, "convert")[0], tmp_path).predict(images)
    assert off("int4 with bias_correction") < 0.3 * off("int4")
    details = made(network, "int4 with bias_correction")[1].steps[0].details
    assert details["calibration"]["samples"] == 500
    assert min(details["bias_correction"].values()) > 0
