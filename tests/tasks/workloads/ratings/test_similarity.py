"""The similarity of items: one table for both ends, solved for, in few bits, and as a student."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compression.flatbuffer import File
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate
from tasks.compression.runner import run_recipe
from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.learning.building import build_model
from tasks.learning.conversion import to_tflite
from tasks.learning.fitting import Plan
from tasks.learning.saving import load_model, save_model
from tasks.learning.solving import train_network
from tasks.litert import LiteRTModel
from tasks.samples import read_batches, read_dataset
from tasks.workloads.outcomes.ranking import references as beside
from tasks.workloads.outcomes.ranking.references import References
from tasks.workloads.ratings.networks.alike import solve_similarity
from tests.tasks.compression.cases import context

ITEMS, USERS = 40, 120


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Prepared data of users of two tastes."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as temporary:
        patch.chdir(temporary)
        rng = np.random.default_rng(3)
        lines = [
            f"u{user},i{item * 2 + user % 2},{place}"
            for user in range(USERS)
            for place, item in enumerate(rng.choice(ITEMS // 2, 8, replace=False).tolist())
        ]
        Path("rows.csv").write_text("\n".join(["user,item,time", *lines]))
        data = data_of("ratings").model_validate({"source": "rows.csv", "workload": "ratings"})
        prepare(data, current_listing(data))
        yield Path("data/prepared").resolve()


def solved(folder: Path, width: int = 8) -> Any:
    model = build_model("similarity", read_dataset(folder), 0.0, {"width": width})
    solve_similarity(model, folder)
    return model


def carried_out(steps: list[dict[str, Any]], model: Any, folder: Path) -> tuple[bytes, Candidate]:
    with tempfile.TemporaryDirectory() as temporary:
        recipe = parse_recipe("small", steps, workload="ratings")
        return run_recipe("small", recipe, model, context(folder, baseline=model), Path(temporary))


def asked(folder: Path) -> Any:
    inputs, _ = next(read_batches("validation", 1000, folder))
    return inputs


def test_items_of_the_same_taste_are_alike(folder: Path) -> None:
    model = build_model("similarity", read_dataset(folder), 0.0)
    fitted = train_network("similarity", model, Plan(1, 8, 0.1, 1), folder, say=lambda line: None)  # noqa: ARG005
    assert fitted.best_epoch == 1
    table = model.get_layer("table").get_weights()[0]
    assert not table[0].any()
    scores = LiteRTModel(to_tflite(model, specs=read_dataset(folder).inputs)).predict(asked(folder))
    histories = asked(folder).arrays["history"]
    np.testing.assert_allclose(scores, table[histories].sum(axis=1) @ table[1:].T, atol=1e-4)
    assert fitted.metrics["ndcg"] > 0.3  # of 20 items 14 are left to be named


def test_products_come_near_to_ease_where_there_is_room_for_them(folder: Path) -> None:
    known = beside.references(folder)
    full = solved(folder, ITEMS).get_layer("table").get_weights()[0][1:]
    pairs = known.pairs.astype(np.float64)
    off = ~np.eye(len(pairs), dtype=bool)
    assert np.corrcoef((full @ full.T)[off], (pairs + pairs.T)[off])[0, 1] > 0.9


def test_ials_counts_alone_where_there_are_too_many_items_for_ease(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = beside.references(folder)
    bare = References(known.items, known.ridge, np.zeros((0, 0), np.float32))
    monkeypatch.setattr("tasks.workloads.ratings.networks.alike.references", lambda folder: bare)  # noqa: ARG005
    wide, narrow = (solved(folder, width).get_layer("table").get_weights()[0][1:] for width in (48, 4))
    assert wide.shape[1] == 48
    values = np.linalg.eigvalsh(wide @ wide.T)[::-1]
    np.testing.assert_allclose(np.linalg.eigvalsh(narrow @ narrow.T)[::-1][:4], values[:4], rtol=1e-3)


def test_the_file_has_one_table_for_both_ends_and_the_row_for_nothing_stays_empty(folder: Path) -> None:
    model = solved(folder, 32)
    table = model.get_layer("table")
    flatbuffer = to_tflite(model, specs=read_dataset(folder).inputs)
    file = File(flatbuffer)
    tables = [tensor for tensor in file.model.subgraphs[0].tensors if list(tensor.shape) == [ITEMS + 1, 32]]
    assert len(tables) == 1
    table.set_weights([table.get_weights()[0] + 1.0])  # whatever the first row is, nothing comes of it
    scores = LiteRTModel(to_tflite(model, specs=read_dataset(folder).inputs)).predict(asked(folder))
    table.set_weights([np.concatenate([np.full((1, 32), 9.0), table.get_weights()[0][1:]])])
    again = LiteRTModel(to_tflite(model, specs=read_dataset(folder).inputs)).predict(asked(folder))
    np.testing.assert_array_equal(scores, again)


def test_a_network_with_a_shared_table_is_read_again_from_its_file(folder: Path, tmp_path: Path) -> None:
    model = solved(folder)
    save_model(model, tmp_path / "model.keras")
    histories = asked(folder).arrays["history"]
    np.testing.assert_array_equal(
        np.asarray(load_model(tmp_path / "model.keras")(histories)), np.asarray(model(histories))
    )


@pytest.mark.parametrize(("bits", "stored"), [(4, "int4"), (8, "int8")])
def test_a_table_that_both_ends_read_is_stored_in_few_bits(folder: Path, bits: int, stored: str) -> None:
    model = solved(folder)
    steps = [{"technique": "quantize", "mode": "int4", "calibration": 64, "table_bits": bits}]
    flatbuffer, candidate = carried_out(steps, model, folder)
    step = candidate.steps[-1]
    assert {state.layer: state.dtype for state in step.layers} == {"table": stored}
    assert not step.skipped
    right = np.asarray(model(asked(folder).arrays["history"]))
    scores = LiteRTModel(flatbuffer).predict(asked(folder))
    assert np.corrcoef(scores.ravel(), right.ravel())[0, 1] > 0.98
    order = np.random.default_rng(1).permutation(len(scores))
    np.testing.assert_array_equal(LiteRTModel(flatbuffer).predict(asked(folder)[order]), scores[order])


def test_a_student_keeps_what_it_was_solved_for_unless_it_learns_more(folder: Path) -> None:
    teacher = build_model("fism", read_dataset(folder), 0.0)
    teacher.set_weights([np.random.default_rng(5).normal(0, 3, each.shape) for each in teacher.get_weights()])
    student = {"model": "similarity", "options": {"width": 8}}
    nonsense = {"teacher": "baseline", "weight": 1.0, "temperature": 1.0}
    distill = {"technique": "distill", "epochs": 1, "learning_rate": 0.5, "student": student, "distillation": nonsense}
    flatbuffer, candidate = carried_out([distill], teacher, folder)
    expected = np.asarray(solved(folder)(asked(folder).arrays["history"]))
    np.testing.assert_allclose(LiteRTModel(flatbuffer).predict(asked(folder)), expected, atol=1e-4)
    assert candidate.steps[0].changed == ("table",)
