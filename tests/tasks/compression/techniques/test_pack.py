from pathlib import Path
from typing import Any

import pytest

from tasks.compression.recipe import parse_recipe
from tasks.errors import ConfigError
from tasks.litert import LiteRTModel
from tasks.packing.container import pack, unpack
from tasks.packing.zstd import compress_zstd
from tests.tasks.compression.cases import Made, Steps, carry_out
from tests.tasks.training.material import samples


def test_the_stored_bytes_become_the_very_file_that_was_made(made: Made) -> None:
    flatbuffer, candidate = made("tiny", "pack")
    stored = pack(flatbuffer)
    assert unpack(stored, len(flatbuffer)) == flatbuffer
    assert candidate.bytes == len(flatbuffer)
    assert len(stored) < 0.9 * len(compress_zstd(made("tiny", "int8")[0]))
    assert stored[:2] == b"SL"


def test_it_answers_as_the_model_that_was_packed(made: Made, prepared: Path, tmp_path: Path) -> None:
    images = samples("test", prepared)[0][:50]
    found = []
    for case in ("int8", "pack"):
        path = tmp_path / "model.tflite"
        path.write_bytes(made("tiny", case)[0])
        found.append(LiteRTModel(path).predict(images))
    assert (found[0] == found[1]).all()


def test_what_earlier_steps_promised_is_measured_in_the_packed_file(tiny: Any, prepared: Path, tmp_path: Path) -> None:
    steps: Steps = [
        {"technique": "prune", "sparsity": 0.8, "schedule": "constant", "epochs": 1},
        {"technique": "quantize", "mode": "int8", "calibration": 50},
        {"technique": "pack"},
    ]
    _, candidate = carry_out("packed", steps, tiny, prepared, tmp_path)
    quantized, packed = candidate.steps[-2:]
    assert packed.promises == quantized.promises
    assert {promise.promise for promise in packed.promises} == {"zeros", "dtype"}
    assert all(promise.holds for promise in packed.promises)


def test_without_a_conversion_one_is_put_in_before() -> None:
    assert [step.technique for step in parse_recipe("packed", [{"technique": "pack"}])] == ["convert", "pack"]
    pruned: Steps = [{"technique": "prune", "sparsity": 0.5}, {"technique": "pack"}]
    assert [step.technique for step in parse_recipe("packed", pruned)] == ["prune", "convert", "pack"]


def test_nothing_comes_after() -> None:
    steps: Steps = [
        {"technique": "quantize", "mode": "int8"},
        {"technique": "pack"},
        {"technique": "prune", "sparsity": 0.5},
    ]
    with pytest.raises(ConfigError, match="which is what pack gives"):
        parse_recipe("packed", steps)
