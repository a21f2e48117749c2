"""Rows of tables in few bits, from a network's file to what the runtime looks up."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.backend import keras, set_seed
from tasks.compression.flatbuffer import File, read_constants
from tasks.compression.location import locate
from tasks.compression.quantization.float_file import FloatFile, TableSettings, run_file
from tasks.compression.quantization.int4 import Bits, quantize_weights, widths_of
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.compression.quantization.lookups import exact_settings, same_answers, with_lookups
from tasks.compression.quantization.tables import TableBits, TableLevels, TableScales, levels_of, store_halves, widths
from tasks.distortion import sqnr
from tasks.errors import CompressionError
from tasks.learning.conversion import to_tflite
from tasks.learning.rewrites import noted
from tasks.samples import Inputs, Specs, TensorSpec

LENGTH, ROWS = 6, 30
every_width = pytest.mark.parametrize("bits", [8, 4, 2])


def specs(dtype: str = "int32", shape: tuple[int, ...] = (LENGTH,)) -> Specs:
    return (TensorSpec(name="ids", dtype=dtype, shape=shape, low=0, high=ROWS - 1),)


def asked(dtype: str = "int32", shape: tuple[int, ...] = (LENGTH,)) -> Inputs:
    return Inputs({"ids": np.random.default_rng(5).integers(0, ROWS, (32, *shape)).astype(dtype)})


def network(width: int, dtype: str = "int32", shape: tuple[int, ...] = (LENGTH,)) -> Any:
    """A table whose rows are of very different size, and a layer over each of its places."""
    set_seed(3)
    layers = keras().layers
    ids = keras().Input(shape, dtype=dtype, name="ids")
    table = layers.Embedding(ROWS, width, name="table")
    signal = layers.Flatten()(layers.Activation("tanh")(table(ids)))
    model = keras().Model(ids, layers.Dense(3, name="logits")(signal))
    drawn = np.random.default_rng(2).normal(0, np.geomspace(0.01, 2, ROWS)[:, None], (ROWS, width))
    table.set_weights([drawn.astype(np.float32)])
    return model


def looked_up(model: Any, tables: TableSettings | None = None, inputs: Specs | None = None) -> FloatFile:
    flatbuffer = to_tflite(model, specs=inputs or specs())
    places = locate(model, flatbuffer)
    found = with_lookups(flatbuffer, places, asked())
    assert not found.refused
    return FloatFile(found.flatbuffer, places, tables or TableSettings())


def operators(flatbuffer: bytes) -> list[str]:
    from ai_edge_litert import schema_py_generated as schema

    file = File(flatbuffer)
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    return [names[file.code(operator)] for graph in file.model.subgraphs for operator in graph.operators]


def test_a_gather_becomes_a_lookup_that_gives_the_same_bits() -> None:
    model = network(8)
    flatbuffer = to_tflite(model, specs=specs())
    with noted() as rows:
        found = with_lookups(flatbuffer, locate(model, flatbuffer), asked())
    assert "GATHER" in operators(flatbuffer)
    assert "GATHER" not in operators(found.flatbuffer)
    assert "EMBEDDING_LOOKUP" in operators(found.flatbuffer)
    assert same_answers(flatbuffer, found.flatbuffer, asked())
    assert rows == [{"rewrite": "gather as a lookup", "layer": "table", "taken": "yes", "reason": ""}]


@pytest.mark.parametrize("shape", [(1,), (2, 3)])
def test_ids_of_any_number_of_dimensions_are_looked_up(shape: tuple[int, ...]) -> None:
    model = network(4, shape=shape)
    flatbuffer = to_tflite(model, specs=specs(shape=shape))
    found = with_lookups(flatbuffer, locate(model, flatbuffer), asked(shape=shape))
    assert not found.refused
    assert same_answers(flatbuffer, found.flatbuffer, asked(shape=shape))


@pytest.mark.parametrize("wrong", [-1, ROWS, 2**31 - 1])
def test_an_id_without_a_row_is_an_error_as_before(wrong: int) -> None:
    model = network(8)
    flatbuffer = to_tflite(model, specs=specs())
    found = with_lookups(flatbuffer, locate(model, flatbuffer), asked()).flatbuffer
    ids = np.full((1, LENGTH), wrong, np.int32)
    for file in (flatbuffer, found):
        for kernels in (XNNPACK, PLAIN):
            with pytest.raises(CompressionError, match=r"(?i)out of bounds|index"):
                answers(file, Inputs({"ids": ids}), kernels)


def test_ids_of_64_bits_stay_with_a_gather_and_the_reason_is_told() -> None:
    model = network(8, "int64")
    flatbuffer = to_tflite(model, specs=specs("int64"))
    with noted() as rows:
        found = with_lookups(flatbuffer, locate(model, flatbuffer), asked("int64"))
    assert found.refused == {"table": "its ids are not int32"}
    assert found.flatbuffer == flatbuffer
    assert [row["reason"] for row in rows] == ["its ids are not int32"]


@pytest.mark.parametrize("scales", ["row", "table"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8, 12, 33])
def test_rows_count_as_what_is_stored_wherever_they_may_be(width: int, scales: TableScales) -> None:
    """LiteRT reads rows that begin within a byte from the wrong place: those widths are not offered."""
    file = looked_up(network(width), TableSettings(scales=scales))
    every: tuple[TableBits, ...] = (8, 4, 2)
    offered = [bits for bits in every if width * bits % 8 == 0]
    assert list(file.exact_bits("table")) == list(widths(width)) == offered
    assert exact_settings(file, asked()).bits == (8, 4, 2)
    for bits in offered:
        made = quantize_weights(file, {"table": bits})
        meant = file.replaced({"table": [each.real() for each in file.stored(made)["table"]]})
        assert same_answers(meant, made, asked())
        assert file.stored(made)["table"][0].dtype == f"int{bits}"


def test_widths_that_the_runtime_reads_otherwise_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.compression.quantization.float_file.widths", lambda _: (8, 4, 2))
    assert exact_settings(looked_up(network(5)), asked()).bits == (8,)


@every_width
def test_a_row_is_read_back_as_its_levels(bits: TableBits) -> None:
    file = looked_up(network(12))
    made, places = quantize_weights(file, {"table": bits}), file.places_in(quantize_weights(file, {"table": bits}))
    (constant,) = read_constants(made, places)["table"]
    (levels,) = file.as_levels("table", bits)
    np.testing.assert_array_equal(constant.values, levels.levels)
    np.testing.assert_array_equal(constant.real(), levels.real())
    assert constant.bytes() == ROWS * 12 * bits // 8
    assert np.abs(constant.values).max() == 2 ** (bits - 1) - 1


def test_fewer_bits_are_fewer_bytes_of_the_file() -> None:
    file = looked_up(network(64))
    sizes = [len(quantize_weights(file, {"table": bits})) for bits in (32, 16, 8, 4, 2)]
    weights = ROWS * 64
    saved = [before - after for before, after in pairwise(sizes)]
    assert saved[1] > 0.8 * weights
    assert saved[2] > weights // 2 - 300  # a scale for each row, and the words for it
    assert saved[3] == pytest.approx(weights // 4, abs=16)


@every_width
def test_a_scale_for_each_row_holds_small_rows_that_one_for_all_loses(bits: TableBits) -> None:
    (values,) = looked_up(network(8)).weights["table"]
    by_row, as_one = (levels_of(values, bits, scales).real() for scales in ("row", "table"))
    assert sqnr(values[:10], by_row[:10]) > 4
    assert sqnr(values[:10], by_row[:10]) > sqnr(values[:10], as_one[:10]) + 3


def test_clipping_leaves_less_error_than_the_whole_range() -> None:
    values = np.random.default_rng(0).standard_t(3, (200, 32)).astype(np.float32)
    few: tuple[TableBits, ...] = (4, 2)
    for bits in few:
        gains: dict[TableScales, float] = {"row": 0.2, "table": 3}
        for scales, gain in gains.items():
            clipped, whole = (levels_of(values, bits, scales, each).real() for each in (True, False))
            assert sqnr(values, clipped) > sqnr(values, whole) + gain


@given(st.integers(0, 10_000), st.sampled_from([8, 4, 2]), st.sampled_from(["row", "table", None]))
@settings(max_examples=40)
def test_levels_are_within_their_range_and_zeros_stay(seed: int, bits: TableBits, scales: TableScales | None) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 10.0 ** rng.integers(-6, 4), (rng.integers(1, 9), 8)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = 0
    values[rng.integers(len(values))] = 0
    found = levels_of(values, bits, scales)
    assert np.abs(found.levels).max() <= 2 ** (bits - 1) - 1
    assert not found.levels[values == 0].any()
    assert np.isfinite(found.real()).all()
    assert np.all(found.scales > 0)
    assert np.square(found.real() - values).sum() <= np.square(values).sum()


def test_a_table_of_halves_is_rounded_and_no_more() -> None:
    model = network(8)
    file = looked_up(model)
    made = quantize_weights(file, {"table": 16})
    (values,) = file.weights["table"]
    meant = file.replaced({"table": [values.astype(np.float16).astype(np.float32)]})
    assert same_answers(meant, made, asked())
    assert file.stored(made)["table"][0].dtype == "float16"
    assert len(made) < len(file.flatbuffer) - ROWS * 8


def test_a_table_that_a_dense_layer_reads_too_is_stored_whole_in_8_or_4_bits() -> None:
    set_seed(1)
    layers, ids = keras().layers, keras().Input((LENGTH,), dtype="int32", name="ids")
    table = layers.Embedding(ROWS, 8, name="table")
    signal = layers.Flatten()(table(ids))
    signal = layers.Dense(8, name="hidden")(signal)
    scores = layers.Lambda(lambda each: each @ keras().backend.transpose(table.embeddings))(signal)
    file = looked_up(keras().Model(ids, scores))
    assert file.kind("table") == "shared"
    assert widths_of(file, "table") == (16, 8, 4)
    (levels,) = file.as_levels("table", 4)
    assert levels.scales.size == 1
    stored = quantize_weights(file, {"table": 4})
    asked = Inputs({"ids": np.random.default_rng(1).integers(0, ROWS, (20, LENGTH)).astype(np.int32)})
    meant = run_file(file.replaced({"table": [levels.real()]}), asked)
    np.testing.assert_allclose(run_file(stored, asked), meant, rtol=1e-4, atol=1e-5)
    assert file.stored(stored)["table"][0].dtype == "int4"


def test_tables_and_layers_have_fewer_bits_together() -> None:
    file = looked_up(network(8))
    bits: dict[str, Bits] = {"table": 4, "logits": 4}
    made = quantize_weights(file, bits)
    assert {path: each[0].dtype for path, each in file.stored(made).items()} == {"table": "int4", "logits": "int4"}
    meant = file.replaced({path: [each.real() for each in found] for path, found in file.stored(made).items()})
    assert sqnr(run_file(meant, asked()), run_file(made, asked())) > 30  # activations are rounded to 8 bits


def test_levels_say_how_many_bytes_they_take() -> None:
    levels: NDArray[np.int8] = np.zeros((10, 8), np.int8)
    each = partial(TableLevels, levels)
    assert each(np.ones(10, np.float32), 4).bytes() == 40 + 20
    assert each(np.ones(1, np.float32), 2).bytes() == 20 + 12
    assert each(np.ones(10, np.float32), 8).bytes() == 80 + 120


def test_nothing_to_store_as_halves_changes_nothing() -> None:
    file = File(looked_up(network(8)).flatbuffer)
    before = file.write()
    store_halves(file, ())
    assert file.write() == before


def recurrent() -> FloatFile:
    """An LSTM that is one operator."""
    set_seed(3)
    layers, ids = keras().layers, keras().Input((LENGTH,), dtype="int32", name="ids")
    signal = layers.LSTM(8, name="memory")(layers.Embedding(ROWS, 6, name="table")(ids))
    return looked_up(keras().Model(ids, layers.Dense(3, name="logits")(signal)))


@pytest.mark.parametrize(("bits", "dtype"), [(16, "float16"), (8, "int8"), (4, "int4")])
def test_kernels_of_an_lstm_count_as_what_is_stored(bits: Bits, dtype: str) -> None:
    file = recurrent()
    kernels = ("memory/kernel", "memory/recurrent_kernel")
    assert {path: widths_of(file, path) for path in kernels} == dict.fromkeys(kernels, (16, 8, 4))
    assert exact_settings(file, asked()).recurrent == (8, 4)
    made = quantize_weights(file, dict.fromkeys(kernels, bits))
    stored = file.stored(made)
    assert {each.dtype for path in kernels for each in stored[path]} == {dtype}
    meant = file.replaced({path: [each.real() for each in stored[path]] for path in kernels})
    assert same_answers(meant, made, asked())
    assert len(made) < len(file.flatbuffer)
