from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.location import locate
from tasks.compression.quantization.float_file import FloatFile, run_file
from tasks.compression.quantization.int4 import Bits, quantize_weights
from tasks.compression.quantization.kernels import check_kernels
from tasks.compression.quantization.selective import (
    Judged,
    SearchLimit,
    Sensitivity,
    choose,
    moves,
    round_weights,
    sensitivities,
)
from tasks.compression.records import Reason
from tasks.compression.technique import Subject
from tasks.compression.techniques.quantize import Quantize
from tasks.compression.weights import values as kernels
from tasks.errors import CompressionError
from tasks.learning.conversion import to_tflite
from tasks.learning.saving import copy_model
from tasks.samples import SplitName
from tasks.workloads.outcomes.classes.learning import ClassesLearning
from tests.tasks.compression.cases import Made, context
from tests.tasks.compression.named import constants_by_layer
from tests.tasks.training.material import samples

WIDE = ("conv2d_1", "dense")  # where nearly all weights are


@pytest.fixture(scope="module")
def file(article: Any) -> FloatFile:
    return located(article)


def judged(split: SplitName, prepared: Path, count: int = 1 << 20) -> Judged:
    return Judged(*samples(split, prepared, count), ClassesLearning())


def located(model: Any) -> FloatFile:
    flatbuffer = to_tflite(model)
    return FloatFile(flatbuffer, locate(model, flatbuffer))


@pytest.fixture(scope="module")
def sensitive(article: Any) -> Any:
    """A model whose second convolution does not bear 4 bits: each filter has a weight far beyond the others.

    It is on an input that is never there, a channel whose filter and bias are zero, so that the answers are the same.
    """
    model = copy_model(article)
    kernel, bias = model.get_layer("conv2d").get_weights()
    kernel[..., 5], bias[5] = 0, 0
    model.get_layer("conv2d").set_weights([kernel, bias])
    kernel, bias = model.get_layer("conv2d_1").get_weights()
    kernel[0, 0, 5, :] = 3.0
    model.get_layer("conv2d_1").set_weights([kernel, bias])
    return model


def test_rounding_is_symmetric_and_by_output() -> None:
    weights = np.array([[0.0, 0.1, -0.7], [7.0, 1.4, -0.4]], np.float32)
    assert round_weights(weights, 4) == pytest.approx(np.array([[0.0, 0.1, -0.7], [7.0, 1.0, 0.0]]))
    assert np.array_equal(round_weights(weights, 16), weights.astype(np.float16).astype(np.float32))
    assert np.array_equal(round_weights(np.zeros((2, 2), np.float32), 4), np.zeros((2, 2)))


def test_replacing_weights_by_themselves_changes_no_answer(file: FloatFile, prepared: Path) -> None:
    images = samples("test", prepared, 100)[0]
    assert np.array_equal(run_file(file.replaced(file.weights), images), run_file(file.flatbuffer, images))


def test_scores_are_cross_entropy_and_accuracy() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32))
    found = Judged(np.zeros((2, 1), np.uint8), np.array([0, 2]), ClassesLearning()).score(logits)
    assert found.loss == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2, rel=1e-5)
    assert found.metric == 0.5


def test_a_layer_alone_is_measured_at_each_width(file: FloatFile, prepared: Path) -> None:
    _, table = sensitivities(file, judged("validation", prepared))
    assert [(row.layer, row.bits) for row in table] == [(name, bits) for name in file.weights for bits in (16, 8, 4)]
    for wide, middle, narrow in zip(table[::3], table[1::3], table[2::3], strict=True):
        assert wide.weights_db > middle.weights_db + 15 > narrow.weights_db + 30  # 4 bits are 24 dB
        assert wide.logits_db > middle.logits_db > narrow.logits_db
        assert wide.bytes > middle.bytes > narrow.bytes
    order = [(move.layer, move.bits) for move in moves(table)]
    assert sorted(order) == sorted((name, bits) for name in file.weights for bits in (8, 4))
    assert all(order.index((name, 8)) < order.index((name, 4)) for name in file.weights)


def test_loss_decides_and_among_layers_that_lose_nothing_the_noise_in_the_logits() -> None:
    """Of three layers of one size one loses, one loses nothing with much noise, one gains with little."""
    costs = {"loses": (0.4, 60.0), "noisy": (0.0, 30.0), "quiet": (-0.01, 50.0)}
    widths: tuple[Bits, ...] = (16, 8)
    table = tuple(
        Sensitivity(
            layer=name,
            bits=bits,
            bytes=100 * bits,
            weights_db=0.0,
            logits_db=db - 20 * place,
            loss=1.0 + place * lost,
            metric=0.9,
        )
        for name, (lost, db) in costs.items()
        for place, bits in enumerate(widths)
    )
    wide = tuple(row for row in table if row.bits == 16)
    narrow = tuple(replace(row, bits=4, bytes=1, loss=99.0, logits_db=0.0) for row in wide)
    order = [(move.layer, move.bits) for move in moves((*table, *narrow))]
    assert order[:3] == [("quiet", 8), ("noisy", 8), ("loses", 8)]


def test_a_planted_sensitive_layer_stays_at_8_bits(sensitive: Any, prepared: Path) -> None:
    # a range that clips these weights, which are on an input that is never there, would lose nothing
    settings = {"technique": "quantize", "mode": "mixed", "weight_range": "minmax"}
    everywhere = Quantize.read({**settings, "max_bytes": 40_000})
    result = everywhere.apply(Subject(sensitive), context(prepared))
    assert len(result.subject.flatbuffer) <= 40_000
    found = {name: constant.dtype for name, constant in constants_by_layer(result.subject.flatbuffer, WIDE).items()}
    assert found == {"dense": "int4", "conv2d_1": "int8"}
    assert {skip.layer for skip in result.skipped if skip.reason == Reason.SENSITIVE} >= {"conv2d_1"}
    assert result.details["bits"]["conv2d_1"] == 8
    rows = {(row["layer"], row["bits"]): row for row in result.details["sensitivity"]}
    assert rows["conv2d_1", 4]["loss"] > rows["conv2d_1", 8]["loss"] + 0.1
    # by accuracy, too
    within = Quantize.read({**settings, "max_drop": 0.01})
    assert within.apply(Subject(sensitive), context(prepared)).details["bits"] == {
        **dict.fromkeys(kernels(sensitive), 4),
        "conv2d_1": 8,
    }


def test_no_more_is_given_up_than_the_budget_asks(file: FloatFile, prepared: Path) -> None:
    some = judged("validation", prepared, 100)
    sums = []
    for most in (10**6, 60_000, 30_000):
        chosen = choose(file, some, SearchLimit(max_bytes=most), lambda bits: quantize_weights(file, bits))
        assert len(chosen.flatbuffer) <= most
        sums.append(sum(chosen.bits.values()))
    assert sums[0] == 4 * 16
    assert sums == sorted(set(sums), reverse=True)
    with pytest.raises(CompressionError, match="at most 5,000 bytes"):
        choose(file, some, SearchLimit(max_bytes=5000), lambda bits: quantize_weights(file, bits))


def depthwise() -> Any:
    """A convolution, a depthwise one whose channels are of very different size, and a dense layer."""
    set_seed(1)
    layers = keras().layers
    deep = layers.DepthwiseConv2D(3, name="deep")
    stack = [
        layers.Rescaling(1 / 16),
        layers.Conv2D(8, 3, name="conv"),
        deep,
        layers.Flatten(),
        layers.Dense(10, name="out"),
    ]
    model = keras().Sequential([keras().Input((16, 16, 1)), *stack])
    kernel, bias = deep.get_weights()
    deep.set_weights([kernel * np.geomspace(0.01, 1, 8, dtype=np.float32)[:, None], bias])
    return model


def test_depthwise_layers_have_8_bits_at_least_and_a_step_for_each_channel(prepared: Path) -> None:
    model = depthwise()
    file = located(model)
    (weights,) = file.weights["deep"]
    _, table = sensitivities(file, judged("validation", prepared, 50))
    rows = {row.bits: row for row in table if row.layer == "deep"}
    assert set(rows) == {16, 8}
    assert rows[8].bytes == weights.size + 4 * 8
    assert rows[8].weights_db > 40  # one step for all channels leaves some 20 of the smallest
    for settings in ({"mode": "int4"}, {"mode": "mixed", "max_drop": 0.9}):
        result = Quantize.read({"technique": "quantize", **settings}).apply(Subject(model), context(prepared))
        found = constants_by_layer(result.subject.flatbuffer, ("conv", "deep", "out"))
        assert {name: each.dtype for name, each in found.items()} == {"conv": "int4", "deep": "int8", "out": "int4"}
        assert found["deep"].real() == pytest.approx(round_weights(weights, 8, axis=3), abs=1e-6)
        assert {(skip.layer, skip.reason) for skip in result.skipped} == {("deep", Reason.UNSUPPORTED)}


def test_blocks_have_steps_of_their_own_and_are_nearer(made: Made, file: FloatFile) -> None:
    plain, blocks = (constants_by_layer(made("article", case)[0], WIDE) for case in ("int4", "int4 in blocks"))
    assert len(plain["dense"].scales) == 64
    assert len(blocks["dense"].scales) == 64 * 256 // 32
    (weights,) = file.weights["dense"]
    errors = [float(np.square(found["dense"].real() - weights).mean()) for found in (plain, blocks)]
    assert errors[1] < 0.8 * errors[0]
    assert {found.dtype for found in (*plain.values(), *blocks.values())} == {"int4"}


def test_kernels_that_give_other_numbers_are_seen(made: Made, article: Any, prepared: Path) -> None:
    measured = {case: made("article", case)[1].steps[0].details["kernels_db"] for case in ("int4", "int4 in blocks")}
    assert measured["int4"]["xnnpack"] > 30
    assert measured["int4"]["reference"] > 30
    assert measured["int4 in blocks"]["xnnpack"] > 30
    assert measured["int4 in blocks"]["reference"] < 10  # LiteRT's kernels without XNNPACK are wrong, and say nothing
    images = samples("test", prepared, 20)[0]
    other = copy_model(article)
    kernel, bias = other.get_layer("logits").get_weights()
    other.get_layer("logits").set_weights([kernel, bias + 20])  # what no kernel that is right would give
    with pytest.raises(CompressionError, match="what the stored weights mean"):
        check_kernels(made("article", "int4")[0], to_tflite(other), images)
