"""Modes of quantize that give rows of tables fewer bits by themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from slimline import compress
from tasks.errors import ConfigError
from tasks.litert import LiteRTModel
from tasks.samples import Inputs
from tasks.workloads.text.networks import BUILDERS

LENGTH, ROWS, CLASSES = 12, 400, 3


@pytest.fixture(scope="module")
def texts() -> Any:
    rng = np.random.default_rng(3)
    return rng.integers(1, ROWS, (400, LENGTH)).astype(np.int32)


def made(texts: Any, step: dict[str, Any], network: str = "mean_embedding") -> Any:
    tf_keras.utils.set_random_seed(1)
    model = BUILDERS[network](LENGTH, ROWS, CLASSES, 0.0)
    table = model.get_layer("table")
    drawn = np.random.default_rng(1).normal(0, 1, table.get_weights()[0].shape)
    table.set_weights([drawn.astype(np.float32)])
    labels = model.predict(texts, verbose=0).argmax(axis=1)
    steps = [{"technique": "quantize", "calibration": 64, **step}]
    return compress(model, steps, ({"tokens": texts}, labels)), labels


def dtypes(candidate: Any) -> dict[str, str]:
    return {state.layer: state.dtype for state in candidate.record.steps[-1].layers}


@pytest.mark.parametrize("network", ["mean_embedding", pytest.param("lstm", marks=pytest.mark.slow)])
def test_int4_stores_the_rows_of_a_table_in_4_bits_by_itself(texts: Any, network: str, tmp_path: Path) -> None:
    candidate, labels = made(texts, {"mode": "int4"}, network)
    step = candidate.record.steps[-1]
    assert dtypes(candidate)["table"] == "int4"
    assert ("table", "dtype", "int4", True) in {
        (promise.layer, promise.promise, promise.promised, promise.holds) for promise in step.promises
    }
    assert {"rewrite": "gather as a lookup", "layer": "table", "taken": "yes", "reason": ""} in step.details["rewrites"]
    loaded = LiteRTModel(candidate.write(tmp_path / "model.tflite"))
    assert (loaded.predict(Inputs({"tokens": texts})).argmax(axis=1) == labels).mean() > 0.9


@pytest.mark.parametrize(("bits", "stored"), [(8, "int8"), (2, "int2")])
def test_a_table_has_the_bits_that_are_asked_for(texts: Any, bits: int, stored: str) -> None:
    candidate, _ = made(texts, {"mode": "int4", "table_bits": bits, "table_scales": "table"})
    assert dtypes(candidate) == {"table": stored, "logits": "int4"}
    assert not candidate.record.steps[-1].skipped


def test_mixed_lowers_a_table_as_far_as_the_answers_bear(texts: Any) -> None:
    candidate, _ = made(texts, {"mode": "mixed", "max_drop": 1.0, "table_bits": 2})
    assert dtypes(candidate)["table"] == "int2"
    candidate, _ = made(texts, {"mode": "mixed", "max_drop": 0.0, "table_bits": 2})
    assert dtypes(candidate)["table"] in ("int8", "float16", "int4")
    (skip,) = (skip for skip in candidate.record.steps[-1].skipped if skip.layer == "table")
    assert "stays at" in skip.detail
    rows = candidate.record.steps[-1].details["sensitivity"]
    assert [row["bits"] for row in rows if row["layer"] == "table"] == [16, 8, 4, 2]


def test_settings_of_tables_belong_to_the_modes_that_read_them(texts: Any) -> None:
    with pytest.raises(ConfigError, match="expected mode int4 or mixed with table_bits"):
        made(texts, {"mode": "int8", "table_bits": 4})
