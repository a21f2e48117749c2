"""Modes of quantize that give rows of tables fewer bits by themselves."""

from pathlib import Path
from typing import Any

import pytest

from tasks.compression.records import Candidate, Reason
from tasks.errors import ConfigError, Unsuited
from tasks.learning.comparison import answers
from tasks.litert import LiteRTModel
from tests.tasks.compression.texts import carried_out, network, tokens


def made(texts: Path, step: dict[str, Any], name: str = "mean_embedding") -> tuple[bytes, Candidate]:
    return carried_out([{"technique": "quantize", "calibration": 64, **step}], network(texts, name), texts)


def dtypes(candidate: Candidate) -> dict[str, str]:
    return {state.layer: state.dtype for state in candidate.steps[-1].layers}


@pytest.mark.parametrize("name", ["mean_embedding", pytest.param("lstm", marks=pytest.mark.slow)])
def test_int4_stores_the_rows_of_a_table_in_4_bits_by_itself(texts: Path, name: str) -> None:
    flatbuffer, candidate = made(texts, {"mode": "int4"}, name)
    step = candidate.steps[-1]
    assert dtypes(candidate)["table"] == "int4"
    assert ("table", "dtype", "int4", True) in {
        (promise.layer, promise.promise, promise.promised, promise.holds) for promise in step.promises
    }
    assert {"rewrite": "gather as a lookup", "layer": "table", "taken": "yes", "reason": ""} in step.details["rewrites"]
    right = answers(network(texts, name), tokens(texts)).argmax(axis=1)
    assert (LiteRTModel(flatbuffer).predict(tokens(texts)).argmax(axis=1) == right).mean() > 0.85


@pytest.mark.parametrize(("bits", "stored"), [(8, "int8"), (2, "int2")])
def test_a_table_has_the_bits_that_are_asked_for(texts: Path, bits: int, stored: str) -> None:
    _, candidate = made(texts, {"mode": "int4", "table_bits": bits, "table_scales": "table"})
    assert dtypes(candidate) == {"table": stored, "logits": "int4"}
    assert not candidate.steps[-1].skipped


def test_mixed_lowers_a_table_as_far_as_the_answers_bear(texts: Path) -> None:
    _, candidate = made(texts, {"mode": "mixed", "max_drop": 1.0, "table_bits": 2})
    assert dtypes(candidate)["table"] == "int2"
    _, candidate = made(texts, {"mode": "mixed", "max_bytes": 1_000_000, "table_bits": 2})
    assert dtypes(candidate)["table"] == "float16"
    (skip,) = (skip for skip in candidate.steps[-1].skipped if skip.layer == "table")
    assert "stays at" in skip.detail
    rows = candidate.steps[-1].details["sensitivity"]
    assert [row["bits"] for row in rows if row["layer"] == "table"] == [16, 8, 4, 2]


def test_settings_of_tables_belong_to_the_modes_that_read_them(texts: Path) -> None:
    with pytest.raises(ConfigError, match="expected mode int4 or mixed with table_bits"):
        made(texts, {"mode": "int8", "table_bits": 4})


@pytest.mark.parametrize("step", [{"mode": "int4"}, {"mode": "mixed", "max_drop": 1.0}])
def test_a_layer_that_is_excluded_stays_float32(texts: Path, step: dict[str, Any]) -> None:
    _, candidate = made(texts, {**step, "exclude": ["logits"]})
    assert dtypes(candidate) == {"table": "int4", "logits": "float32"}
    assert [(skip.layer, skip.reason) for skip in candidate.steps[-1].skipped] == [("logits", Reason.EXCLUDED)]


def test_a_layer_that_is_not_there_cannot_be_excluded(texts: Path) -> None:
    with pytest.raises(Unsuited, match="name layers of mean_embedding: table, logits"):
        made(texts, {"mode": "int4", "exclude": ["head"]})
