from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.backend import keras, set_seed
from tasks.compression.location import locate
from tasks.compression.promises import measure
from tasks.compression.quantization.float_file import FloatFile, run_file
from tasks.compression.quantization.int4 import Bits, WeightRange, quantize_weights
from tasks.compression.quantization.weight_ranges import Ranges, choose_ranges
from tasks.compression.technique import Subject
from tasks.compression.techniques.quantize import Quantize
from tasks.distortion import sqnr
from tasks.learning.conversion import to_tflite
from tests.tasks.compression.cases import context
from tests.tasks.training.material import CLASSES, SHAPE, samples


@pytest.fixture(scope="module")
def tailed() -> FloatFile:
    """A dense layer with a weight far beyond the others in each output and a block of zeros, and a filter of zeros."""
    set_seed(1)
    layers = keras().layers
    stack = [
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="conv"),
        layers.Flatten(),
        layers.Dense(CLASSES, name="logits"),
    ]
    model = keras().Sequential([keras().Input(SHAPE), layers.Rescaling(1 / 255), *stack])
    kernel, bias = model.get_layer("logits").get_weights()
    kernel[7], kernel[32:64] = 12 * kernel.std(), 0
    model.get_layer("logits").set_weights([kernel, bias])
    filters, bias = model.get_layer("conv").get_weights()
    filters[..., 3] = 0
    model.get_layer("conv").set_weights([filters, bias])
    flatbuffer = to_tflite(model)
    return FloatFile(flatbuffer, locate(model, flatbuffer))


def test_a_layer_with_few_large_weights_clips_them(tailed: FloatFile, prepared: Path) -> None:
    images, _ = samples("train", prepared, 200)
    ranges = choose_ranges(tailed, images)
    assert ranges.chosen["logits"] in ("mse", "octav")
    assert ranges.logits_db["logits"][ranges.chosen["logits"]] > ranges.logits_db["logits"]["minmax"] + 2
    assert set(ranges.logits_db["conv"]) == {"minmax", "mse", "octav"}
    others, _ = samples("test", prepared, 100)
    right = run_file(tailed.flatbuffer, others)
    bits: dict[str, Bits] = dict.fromkeys(tailed.weights, 4)

    def left(chosen: Ranges) -> tuple[float, int]:
        file = quantize_weights(tailed, bits, ranges=chosen.chosen)
        return sqnr(right, run_file(file, others)), len(file)

    plain, bytes_plain = left(choose_ranges(tailed, images, allowed=["minmax"]))
    measured, bytes_measured = left(ranges)
    assert measured > plain + 2
    assert bytes_measured == bytes_plain


def test_what_is_chosen_is_what_is_stored(tailed: FloatFile, prepared: Path) -> None:
    images, _ = samples("train", prepared, 50)
    ranges = choose_ranges(tailed, images, block=32)
    stored = tailed.stored(quantize_weights(tailed, dict.fromkeys(tailed.weights, 4), 32, ranges.chosen))
    for path, arrays in ranges.rounded.items():
        assert all(np.array_equal(one, other.real()) for one, other in zip(arrays, stored[path], strict=True))
    assert "mse" not in ranges.logits_db["logits"]  # which knows no blocks


@pytest.mark.parametrize("block", [None, 32])
@pytest.mark.parametrize("over", ["mse", "octav"])
def test_a_filter_of_zeros_stays_one(tailed: FloatFile, block: int | None, over: WeightRange) -> None:
    (dense,) = tailed.weights["logits"]
    bits: dict[str, Bits] = dict.fromkeys(tailed.weights, 4)
    ranges = dict.fromkeys(tailed.weights, over)
    if block and over == "mse":
        ranges["logits"] = "minmax"
    stored = tailed.stored(quantize_weights(tailed, bits, block, ranges))
    (kernel,) = stored["conv"]
    assert not kernel.values[3].any()
    assert all(channel.any() for channel in np.delete(kernel.values, 3, axis=0))
    assert all(0 < scale < 1e3 for each in stored.values() for scale in each[0].scales)
    (kernel,) = stored["logits"]
    assert not kernel.real()[:, 32:64].any()
    assert kernel.real()[dense != 0].any()


def test_the_record_says_which_range_each_layer_has(tiny: Any, prepared: Path) -> None:
    technique = Quantize.read({"technique": "quantize", "mode": "int4", "weight_range": "octav"})
    details = technique.apply(Subject(tiny), context(prepared)).details
    assert {path: row["range"] for path, row in details["weight_ranges"].items()} == {
        "conv2d": "octav",
        "logits": "octav",
    }
    with pytest.raises(ValidationError, match="no weight_range: mse with block"):
        Quantize.read({"technique": "quantize", "mode": "int4", "weight_range": "mse", "block": 32})
    with pytest.raises(ValidationError, match="expected mode int4 or mixed with weight_range"):
        Quantize.read({"technique": "quantize", "mode": "int8", "weight_range": "mse"})


def test_a_range_leaves_every_promise(tiny: Any, prepared: Path) -> None:
    technique = Quantize.read({"technique": "quantize", "mode": "mixed", "max_drop": 0.02, "validation": 60})
    result = technique.apply(Subject(tiny), context(prepared))
    assert all(promise.holds for promise in measure(result.claims, result.subject))
    assert set(result.details["weight_ranges"]) == {"conv2d", "logits"}
