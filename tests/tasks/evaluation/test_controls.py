from dataclasses import replace
from typing import Any

import pytest

from tasks.compression.records import Step
from tasks.evaluation.controls import control_of
from tasks.evaluation.results import Results
from tasks.evaluation.tables import candidates_table
from tests.tasks.evaluation.material import make_results


def step(technique: str, epochs: int, teacher: str = "baseline", **config: Any) -> Step:
    config = {"epochs": epochs, "distillation": {"teacher": teacher}, **config}
    return Step(technique=technique, config=config, seconds=1.0, changed=(), skipped=(), promises=())


RECIPES = {
    "plain": (Step(technique="convert", config={}, seconds=1.0, changed=(), skipped=(), promises=()),),
    "untrained": (step("quantize", 3, training="none"),),
    "untrained_before": (step("quantize", 3, aware=False),),  # as a record of an earlier version has it
    "trained_before": (step("quantize", 3, "strong", aware=True),),
    "pruned": (step("prune", 4, rounds=3), step("fine_tune", 5), step("quantize", 3, aware=False)),
    "taught": (step("prune", 2), step("fine_tune", 80, "strong"), step("quantize", 6, "strong", training="qat")),
    "alone": (step("fine_tune", 30, "none"),),
    "short": (step("fine_tune", 2),),
    "long": (step("fine_tune", 15),),
    "schooled": (step("fine_tune", 80, "strong"),),
}
CONTROLS = ("alone", "short", "long", "schooled")


@pytest.fixture
def results() -> Results:
    fares = {name: (900 + place, 900 + place, 500, 50.0) for place, name in enumerate(RECIPES)}
    made = make_results([{"metric": "accuracy", "margin": 0.03}], {"baseline": (890, 890, 1000, 100.0), **fares})
    candidates = {name: made.candidates[name].model_copy(update={"steps": steps}) for name, steps in RECIPES.items()}
    return replace(made, candidates=candidates)


def test_epochs_are_counted_by_teacher(results: Results) -> None:
    epochs = {name: candidate.taught_epochs for name, candidate in results.candidates.items()}
    assert epochs["plain"] == epochs["untrained"] == epochs["untrained_before"] == {}
    assert epochs["trained_before"] == {"strong": 3}
    assert epochs["pruned"] == {"baseline": 17}
    assert epochs["taught"] == {"baseline": 2, "strong": 86}


def test_a_control_learned_from_the_same_for_about_as_long(results: Results) -> None:
    found = {name: control_of(name, results) for name in RECIPES}
    assert found == {**dict.fromkeys(RECIPES), "pruned": "long", "taught": "schooled", "trained_before": "schooled"}
    assert control_of("baseline", results) is None
    few = {name: candidate for name, candidate in results.candidates.items() if name != "schooled"}
    assert control_of("taught", replace(results, candidates=few)) is None


def test_the_table_has_the_difference_to_it(results: Results) -> None:
    rows = {row["Candidate"]: row["To its control"] for row in candidates_table(results)}
    assert rows["taught"].startswith("−0.40 (−")
    assert rows["taught"].endswith("), schooled")
    assert [name for name, cell in rows.items() if cell] == ["trained_before", "pruned", "taught"]
