"""`slimline history`: what runs came to, for a person and as JSON."""

import json
from pathlib import Path

import pytest

from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.history.keeping import note_run, runs_folder
from tests.commands import Slimline
from tests.tasks.deployment.project import params_for, write_project
from tests.tasks.history.material import run_record


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options that name a store with a release that no run names, and two runs."""
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    write_project(params)
    publish(params)
    store = open_store(params.deployment.store)
    for day in (1, 2):
        note_run(store, "shades", run_record(day, model_sha256=f"{day:064}", cause="\x1b[2J2 files added"))
    Path("params.yaml").unlink()  # a command that is told store and model needs none
    return ("--store", params.deployment.store, "shades")


def test_it_lists_runs_and_releases_the_newest_first(slimline: Slimline, place: tuple[str, ...]) -> None:
    said = slimline("history", *place)
    rows = [line for line in said.splitlines() if "Held back" in line or "Released" in line]
    assert ["Held back" in row for row in rows] == [False, True, True]
    assert "0.9800 (0.9700 … 0.9900)" in rows[1]
    assert "40.0 µs" in rows[1]
    assert "production" in rows[0]
    assert "│ 2026-01-02 03:00 │" in rows[1]


def test_as_json_it_has_everything(slimline: Slimline, place: tuple[str, ...]) -> None:
    released, *held_back = json.loads(slimline("history", *place, "--json"))
    assert (released["release"], released["channels"]) == (1, ["production", "staging"])
    assert [line["at"][:10] for line in held_back] == ["2026-01-02", "2026-01-01"]
    assert held_back[0]["interval"] == {"value": 0.98, "low": 0.97, "high": 0.99}
    assert held_back[0]["cause"] == "\x1b[2J2 files added"
    assert (held_back[0]["decision"], held_back[0]["decisions_left"]) == (1, 29)
    (line,) = json.loads(slimline("history", *place, "--last", "1", "--json"))
    assert line == released


def test_what_is_no_record_is_told_of(slimline: Slimline, place: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "store" / runs_folder("shades") / "20990101000000-x.json").write_text("[]")
    assert "Not understood: models/shades/runs/20990101000000-x.json" in slimline("history", *place)
    *_, odd = json.loads(slimline("history", *place, "--json"))
    assert odd["object"] == "models/shades/runs/20990101000000-x.json"
    assert odd["problem"]


def test_where_nothing_has_run_it_says_so(slimline: Slimline, tmp_path: Path) -> None:
    assert "none yet" in slimline("history", "--store", f"file://{tmp_path / 'empty'}", "shades")


@pytest.mark.parametrize("last", ["0", "-1", "x", "1000000"])
def test_a_number_of_lines_that_is_none_is_refused(slimline: Slimline, place: tuple[str, ...], last: str) -> None:
    assert "--last" in slimline("history", *place, "--last", last, code=2)
