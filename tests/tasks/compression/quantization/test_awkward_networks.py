"""Fewer bits in networks whose layers are shared, nested, grouped, or called as models are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.flatbuffer import File
from tasks.compression.promises import measure
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.compression.technique import Result, Subject
from tasks.compression.techniques.pack import Pack
from tasks.compression.techniques.quantize import Quantize
from tasks.compression.techniques.width_to_depth import WidthToDepth
from tasks.distortion import sqnr
from tasks.errors import CompressionError
from tests.tasks.compression.awkward import PATHS, filled, names, normalized, recurrent, sequence, shared
from tests.tasks.compression.cases import context
from tests.tasks.training import material
from tests.tasks.training.material import CLASSES, SHAPE

INT4 = {"mode": "int4", "calibration": 40}


def quantized(model: Any, prepared: Path, **settings: Any) -> Result:
    """Quantize; every promise holds."""
    technique = Quantize.read({"technique": "quantize", **settings})
    result = technique.apply(Subject(model), context(prepared))
    assert all(promise.holds for promise in measure(result.claims, result.subject))
    return result


def nearness(result: Result, model: Any, prepared: Path) -> float:
    """Decibels that both kinds of kernels leave of the Keras model's logits."""
    images, _ = material.samples("test", prepared, 30)
    right = material.answers(model, images)
    return min(sqnr(right, answers(result.subject.flatbuffer, images, kernels)) for kernels in (XNNPACK, PLAIN))


def dtypes(flatbuffer: bytes, least: int = 40) -> set[str]:
    """Types of all constants of so many numbers and more that operators read; integers are shapes."""
    file = File(flatbuffer)
    found = {
        file.constant(use.graph, use.tensor).dtype
        for use in file.uses()
        if np.prod(use.shape) >= least and len(use.shape) > 1
    }
    return found - {"int32"}


@pytest.mark.parametrize("network", [names, shared, sequence, normalized])
def test_no_layer_stays_in_float_unsaid(network: Callable[[], Any], prepared: Path) -> None:
    model = filled(network)
    result = quantized(model, prepared, **INT4)
    assert set(result.changed) == PATHS[network]
    assert dtypes(result.subject.flatbuffer) == ({"int4", "int8"} if network is sequence else {"int4"})
    assert {skip.layer for skip in result.skipped} == ({"separable/depthwise_kernel"} if network is sequence else set())
    assert nearness(result, model, prepared) > 12
    assert min(result.details["kernels_db"].values()) > 30


@pytest.mark.parametrize("network", [shared, normalized])
@pytest.mark.parametrize(
    "settings",
    [{"mode": "mixed", "max_drop": 0.9, "validation": 20, "calibration": 40}, {**INT4, "bias_correction": True}],
    ids=["mixed", "bias_correction"],
)
def test_graphs_of_a_fixed_batch_are_run_as_they_are(
    network: Callable[[], Any], settings: dict[str, Any], prepared: Path
) -> None:
    model = filled(network)
    result = quantized(model, prepared, **settings)
    assert set(result.changed) == PATHS[network]
    assert nearness(result, model, prepared) > 12


@pytest.mark.slow
def test_recurrent_layers_have_4_bits_where_their_operators_can(prepared: Path) -> None:
    model = filled(recurrent)
    result = quantized(model, prepared, **INT4)
    assert set(result.changed) == {"gru/kernel", "gru/recurrent_kernel", "logits"}
    assert {skip.layer for skip in result.skipped} == {"lstm/kernel", "lstm/recurrent_kernel"}
    assert nearness(result, model, prepared) > 12


def test_layers_that_are_called_twice_share_a_step(prepared: Path) -> None:
    model = filled(shared)
    result = quantized(model, prepared, mode="int8", step="layer", calibration=40)
    assert set(result.changed) == PATHS[shared]
    assert nearness(result, model, prepared) > 30
    file = File(result.subject.flatbuffer)
    assert {len(file.constant(use.graph, use.tensor).scales) for use in file.uses() if len(use.shape) > 1} == {1}


def test_4_bits_work_behind_columns_that_became_channels(prepared: Path) -> None:
    set_seed(1)
    layers = keras().layers
    stack = [layers.Conv2D(8, 3, padding="same", name="conv"), layers.Flatten(), layers.Dense(CLASSES, name="logits")]
    model = keras().Sequential([keras().Input(SHAPE), layers.Rescaling(1 / 255), *stack])
    columns = WidthToDepth.model_validate({"technique": "width_to_depth"}).apply(Subject(model), context(prepared))
    assert columns.changed == ("conv",)
    result = quantized(columns.subject.network, prepared, **INT4)
    assert set(result.changed) == {"conv_columns", "logits"}
    assert nearness(result, model, prepared) > 12


def test_a_file_that_does_not_load_is_an_error_with_a_sentence(prepared: Path) -> None:
    result = quantized(filled(shared), prepared, mode="int8", calibration=40)
    file = File(result.subject.flatbuffer)
    tensor = next(file.tensor(use.graph, use.tensor) for use in file.uses() if len(use.shape) == 4)
    tensor.quantization.scale = tensor.quantization.scale[:1]  # its bias has a scale for each output
    images, _ = material.samples("test", prepared, 1)
    for kernels in (XNNPACK, PLAIN):
        with pytest.raises(CompressionError, match="Expected a file that LiteRT loads and runs"):
            answers(file.write(), images, kernels)


def test_a_step_that_stores_nothing_in_fewer_bits_is_refused(prepared: Path) -> None:
    layers = keras().layers
    model = keras().Sequential([keras().Input(SHAPE), layers.GlobalAveragePooling2D(), layers.Dense(CLASSES)])
    with pytest.raises(CompressionError, match=r"fewer bits\. Received: dense.*: the converter keeps"):
        quantized(model, prepared, mode="dynamic_int8")


def test_a_file_of_over_256_kib_holds_its_constants_where_pack_finds_them(prepared: Path) -> None:
    set_seed(1)
    layers = keras().layers
    stack = [layers.Flatten(), layers.Dense(2200, name="wide"), layers.Dense(CLASSES, name="logits")]
    model = keras().Sequential([keras().Input(SHAPE), layers.Rescaling(1 / 255), *stack])
    result = quantized(model, prepared, **INT4)
    assert set(result.changed) == {"wide", "logits"}
    assert 1 << 18 < len(result.subject.flatbuffer) < 1.25 * 256 * 2200 / 2
    assert nearness(result, model, prepared) > 12
    packed = Pack.model_validate({"technique": "pack"}).apply(result.subject, context(prepared)).subject
    assert all(promise.holds for promise in measure(result.claims, packed))
