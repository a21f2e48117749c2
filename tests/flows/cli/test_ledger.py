"""`slimline ledger`: the decisions and what is left, for a person and as JSON."""

import json
from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.decisions import ledger, sealed
from tasks.deployment.stores.opening import open_store
from tests.commands import Slimline
from tests.tasks.deployment.decisions.test_ledger import TERMS, places, question
from tests.tasks.deployment.project import params_for


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options that name a store with three decisions, the last of which has not ended."""
    monkeypatch.chdir(tmp_path)
    params: Params = params_for(f"file://{tmp_path / 'store'}")
    store = open_store(params.deployment.store)
    for number, outcome in enumerate(("INCONCLUSIVE", "PASS", None), start=1):
        sealed.reserve(store, "shades", question(str(number)), places(), TERMS)
        if outcome:
            ledger.end(store, "shades", number, "PASS" if outcome == "PASS" else "INCONCLUSIVE")
    return ("--store", params.deployment.store, "shades")


def test_it_lists_the_decisions_and_says_what_is_left(slimline: Slimline, place: tuple[str, ...]) -> None:
    said = slimline("ledger", *place)
    assert [word for word in said.split() if word in {"PASS", "INCONCLUSIVE"}] == ["PASS", "INCONCLUSIVE"]
    assert "not ended" in said
    assert "Set 1, 100 samples, 3 decisions, 1 passed: the next is at 99.9" in said
    assert "100 test samples that no decision has seen would be a set of their own" in said


def test_as_json_it_has_everything(slimline: Slimline, place: tuple[str, ...]) -> None:
    said = json.loads(slimline("ledger", *place, "--json"))
    assert said["ledger"] == "ledgers/shades"
    assert [each["number"] for each in said["decisions"]] == [3, 2, 1]
    last, passed, first = said["decisions"]
    assert last["ended"] is last["sha256"] is None
    assert (passed["ended"]["outcome"], first["ended"]["outcome"]) == ("PASS", "INCONCLUSIVE")
    assert first["level"] == 0.025
    (of,) = said["sets"]
    assert (of["samples"], of["decisions"], of["passed"]) == (100, 3, 1)
    assert of["error_left"] < 0.05 / 90


def test_where_nothing_was_decided_it_says_so(slimline: Slimline, tmp_path: Path) -> None:
    assert "none yet" in slimline("ledger", "--store", f"file://{tmp_path / 'empty'}", "shades")


def test_a_ledger_that_is_none_ends_in_a_sentence(slimline: Slimline, place: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "store/ledgers/shades/decisions.json").write_text('{"schema_version": 1}')
    assert "to be a ledger of decisions" in slimline("ledger", *place, code=1)
