"""A run's line of the history: written once, and not at all where there is no news."""

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.causes import SCHEDULE
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.evaluation.gate import choose
from tasks.evaluation.results import Results
from tasks.history.keeping import note_run, read_runs, record_of, runs_folder
from tasks.history.records import DecisionTaken
from tests.tasks.evaluation.material import made_up_decision, make_results
from tests.tasks.history.material import DIGEST, release, run_record, write_listing

RULES = [{"metric": "accuracy", "margin": 0.03}]
FARES = {"baseline": (900, 900, 620_000, 95.0), "int8": (901, 899, 162_000, 34.0)}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return open_store(f"file://{tmp_path / 'store'}")


@pytest.fixture
def results(store: Store) -> Results:
    write_listing()
    made = make_results(RULES, FARES)
    gate = choose(made).model_copy(update={"model_sha256": "c" * 64})
    return replace(made, gate=gate)


def test_a_record_has_what_the_run_measured_of_its_candidate(results: Results) -> None:
    record = record_of(replace(results, decision=made_up_decision()), "Released", SCHEDULE, release(7, "a" * 64))
    assert record
    assert (record.ending, record.cause, record.data) == ("Released", "its time has come", DIGEST)
    assert (record.recipe, record.stored_bytes, record.loaded_bytes) == ("int8", 162_000, 324_000)
    assert (record.metric, record.metrics["accuracy"], record.baseline) == ("accuracy", 0.901, 0.9)
    assert record.interval.low < 0.901 < record.interval.high
    assert (record.latency_us, round(record.latency_ratio.value, 2)) == (34.0, 0.36)
    assert record.decision == DecisionTaken(number=7, provable=29)
    assert (record.release, record.manifest_sha256) == (7, "a" * 64)


def test_without_a_candidate_there_is_nothing_to_record(results: Results) -> None:
    assert record_of(replace(results, gate=None), "Held back", SCHEDULE, None) is None


def test_runs_are_read_back_the_newest_first(store: Store) -> None:
    records = [run_record(day, model_sha256=f"{day:064}") for day in range(1, 6)]
    assert all(note_run(store, "shades", record) for record in records)
    assert read_runs(store, "shades", 10) == (records[::-1], ())
    assert read_runs(store, "shades", 2) == (records[:2:-1], ())
    assert read_runs(store, "others", 10) == ([], ())


def test_a_night_without_news_leaves_no_line(store: Store) -> None:
    first = run_record(1, ending="Released", release=7, manifest_sha256="a" * 64)
    assert note_run(store, "shades", first)
    for day in (2, 3):
        assert not note_run(
            store, "shades", first.model_copy(update={"at": run_record(day).at, "ending": "Nothing to do"})
        )
    assert read_runs(store, "shades", 10) == ([first], ())


@pytest.mark.parametrize(
    "change",
    [
        {"data": "cd" * 32},
        {"model_sha256": "d" * 64},
        {"outcome": "PASS"},
        {"decision": None},
        {"release": 8, "manifest_sha256": "e" * 64},
    ],
)
def test_whatever_else_a_run_comes_to_is_news(store: Store, change: dict[str, object]) -> None:
    note_run(store, "shades", run_record(1))
    assert note_run(store, "shades", run_record(2, **change))
    assert note_run(store, "shades", run_record(3))


def test_what_is_no_record_is_told_of_and_hides_no_other(store: Store) -> None:
    note_run(store, "shades", run_record(1))
    store.put(f"{runs_folder('shades')}/20260102030000-0.json", b"{}")
    records, odd = read_runs(store, "shades", 10)
    assert records == [run_record(1)]
    assert [each.key for each in odd] == [f"{runs_folder('shades')}/20260102030000-0.json"]
