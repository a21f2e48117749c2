"""The history: runs' records joined with releases and the ledger."""

from pathlib import Path

import pytest

from tasks.deployment.decisions import ledger
from tasks.deployment.decisions.entries import Book
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.history.joining import join, left_after, read_history
from tasks.history.keeping import note_run
from tests.tasks.deployment.project import params_for, write_project
from tests.tasks.history.material import release, run_record


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return ledger.read(open_store(f"file://{tmp_path / 'store'}"), "shades")


def test_a_release_that_no_run_names_has_a_line_of_its_own(book: Book) -> None:
    named = run_record(3, ending="Released", release=2, manifest_sha256="b" * 64)
    lines = join([named, run_record(2)], [release(2, "b" * 64, 3), release(1, "a" * 64, 1)], book)
    assert [(line.at[:10], line.ending, line.release) for line in lines] == [
        ("2026-01-03", "Released", 2),
        ("2026-01-02", "Held back", None),
        ("2026-01-01", "Released", 1),
    ]
    assert [line.interval is None for line in lines] == [False, False, True]


def test_what_is_signed_counts_where_a_run_says_the_same_thing(book: Book) -> None:
    (line,) = join([run_record(release=2, manifest_sha256="b" * 64)], [release(2, "b" * 64)], book)
    assert (line.stored_bytes, line.loaded_bytes, line.metrics) == (11_000, 22_000, {"accuracy": 0.975})
    assert (line.channels, line.latency_us) == (("production",), 40.0)


def test_a_release_that_was_removed_stays_in_the_history(book: Book) -> None:
    (line,) = join([run_record(release=2, manifest_sha256="b" * 64)], [], book)
    assert (line.release, line.channels, line.stored_bytes) == (2, (), 12_000)


def test_a_decision_that_the_ledger_does_not_have_is_worth_nothing_known(book: Book) -> None:
    (line,) = join([run_record()], [], book)
    assert (line.decision, line.decisions_left, line.worth) == (1, 29, None)


def test_all_of_it_is_read_from_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    write_project(params)
    publish(params)
    store = open_store(params.deployment.store)
    note_run(store, "shades", run_record())
    lines, odd = read_history(store, "shades")
    assert odd == ()
    assert [(line.release, line.recipe) for line in lines] == [(1, "float32"), (None, "int8")]
    (entry,) = ledger.read(store, "shades").entries
    assert lines[1].worth == left_after(entry)
    assert read_history(store, "shades", 1)[0] == lines[:1]
