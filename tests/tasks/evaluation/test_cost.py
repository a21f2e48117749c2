from pathlib import Path

import numpy as np
import pytest
import zstandard

from tasks.errors import EvaluationError
from tasks.evaluation.cost import _unpack, measure_cost

ARTICLE_MACS = 900 * 32 * 27 + 169 * 64 * 288 + 2304 * 64 + 64 * 10  # two convolutions, two dense layers


@pytest.mark.parametrize("mode", ["float", "float16", "dynamic_int8", "int8"])
def test_the_article_network_has_its_parameters_in_every_form(models: Path, mode: str) -> None:
    cost = measure_cost(models / f"article_{mode}.tflite")
    assert cost.parameters == 167_562
    assert cost.macs == ARTICLE_MACS
    assert 0.99 < cost.nonzero / cost.parameters <= 1


def test_bytes_are_those_of_the_file_and_of_its_compressed_form(models: Path) -> None:
    path = models / "article_int8.tflite"
    content = path.read_bytes()
    cost = measure_cost(path)
    assert cost.loaded_bytes == len(content)
    assert (
        cost.stored_bytes == cost.zstd_bytes == len(zstandard.ZstdCompressor(level=19).compress(content)) < len(content)
    )


def test_depthwise_and_dense_layers_are_counted(models: Path) -> None:
    cost = measure_cost(models / "depthwise.tflite")
    assert cost.parameters == cost.nonzero == 36 + 4 + 20 + 5
    assert cost.macs == 4 * 4 * 4 * 9 + 4 * 5


def test_a_product_of_computed_matrices_costs_work_and_no_parameters(models: Path) -> None:
    cost = measure_cost(models / "attention.tflite")
    assert (cost.parameters, cost.nonzero, cost.macs) == (0, 0, 4 * 6 * 3)


def test_a_loop_counts_as_often_as_it_runs(models: Path) -> None:
    cost = measure_cost(models / "loop.tflite")
    assert cost.macs == 5 * (4 * 18 + 6 * 18) + 6 * 3


def test_an_lstm_costs_each_of_its_matrices_at_each_step(models: Path) -> None:
    cost = measure_cost(models / "lstm.tflite")
    assert cost.macs == 5 * (4 * 24 + 6 * 24)


def test_every_signature_and_both_branches_count(models: Path) -> None:
    for name in ("signatures", "branches"):
        cost = measure_cost(models / f"{name}.tflite")
        assert (cost.parameters, cost.nonzero, cost.macs) == (64, 64, 64)


def test_zeros_are_found_behind_the_zero_point(models: Path) -> None:
    dense, pruned = (measure_cost(models / f"digits_{name}.tflite") for name in ("int8", "pruned"))
    assert pruned.parameters == dense.parameters == 72 + 8 + 720 + 10
    assert pruned.nonzero <= dense.nonzero - 0.55 * 720
    assert pruned.stored_bytes < dense.stored_bytes
    assert pruned.loaded_bytes == dense.loaded_bytes


def test_numbers_of_four_bits_are_unpacked_from_the_low_end() -> None:
    stored = np.array([0x1F, 0x80], np.uint8)
    assert _unpack(stored, 4, signed=True).tolist() == [-1, 1, 0, -8]
    assert _unpack(stored, 4, signed=False).tolist() == [15, 1, 0, 8]
    assert _unpack(np.array([0b11_01_00_10], np.uint8), 2, signed=True).tolist() == [-2, 0, 1, -1]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"not a flatbuffer at all")
    with pytest.raises(EvaluationError, match=r"LiteRT flatbuffer\. Received"):
        measure_cost(path)
