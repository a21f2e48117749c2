from pathlib import Path
from typing import Any

import pytest

from benchmarks import zoo
from tests.tasks.compression.zoo.networks import NETWORKS
from tests.tasks.compression.zoo.steps import ZOO_CASES

BUDGET = "Expected a budget that the network can meet: it takes 7 macs. Received: 5. Raise the budget."


def outcome(case: str, verdict: str, why: str = "", **more: Any) -> dict[str, Any]:
    return {"case": case, "verdict": verdict, "why": why, **more}


def test_every_case_has_a_column_and_quantization_one_for_each_mode() -> None:
    columns = {case: zoo.column(case) for case in ZOO_CASES}
    assert columns["prune n:m"] == columns["prune by gradient"] == "prune"
    assert columns["half the channels"] == "prune_channels"
    assert columns["int4 in blocks"] == "int4"
    assert (columns["pack"], columns["aware int4"], columns["int8 by layer"]) == ("pack", "qat", "int8")


def test_a_cell_says_how_many_modes_were_right_and_how_near_the_farthest_was() -> None:
    right = [outcome("a", "right", decibels=31.4), outcome("b", "right", decibels=22.6)]
    assert zoo.cell([]) == ""
    assert zoo.cell(right) == "23"
    assert zoo.cell([*right, outcome("c", "refused", BUDGET)]) == "23 (2 of 3)"
    assert zoo.cell([outcome("c", "refused", BUDGET)]) == "—"
    assert zoo.cell([*right, outcome("c", "fault", "traceback")]) == "**fault**"


def test_the_page_has_reasons_once_and_says_what_was_not_run() -> None:
    first, *_ = NETWORKS
    found = {case: outcome(case, "refused", BUDGET) for case in ("half the channels", "channels by taylor")}
    page = zoo.page({first: found})
    assert "  - half the channels, channels by taylor: Expected a budget that the network can meet: it takes 7" in page
    assert page.count("Received: 5") == 1
    assert f"2 of {len(NETWORKS) * len(ZOO_CASES):,} cases: 0 right, 2 refused, 0 faults." in page
    assert f"Not run, of {len(ZOO_CASES)} cases each: {first} {len(ZOO_CASES) - 2}, " in page


def test_a_run_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def outcomes(_: str, cases: list[str]) -> list[dict[str, Any]]:
        asked.append(cases)
        return [outcome(case, "fault" if case == "int4" else "right", decibels=9.0) for case in cases]

    monkeypatch.setattr(zoo, "outcomes", outcomes)
    for cases, again in ((["int4"], []), (["int4", "convert"], []), (["int4", "convert"], ["fault"])):
        zoo.run(tmp_path, "siamese", cases, again)
    zoo.run(tmp_path, "siamese", ["convert"], ["fault"])
    assert asked == [["int4"], ["convert"], ["int4"], []]
    assert set(zoo.kept(tmp_path, "siamese")) == {"int4", "convert"}
