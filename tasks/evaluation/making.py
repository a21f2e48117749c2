"""The making of each candidate, for the report: its steps, what they left alone and why, what they promised."""

from dataclasses import dataclass

from tasks.compression.records import Candidate, Step
from tasks.evaluation.eligibility import describe_broken
from tasks.evaluation.results import Results
from tasks.evaluation.tables import (
    Row,
    describe_step,
    details_table,
    layers_table,
    promises_table,
    skips_table,
    tables_within,
)
from tasks.wording import number


@dataclass(frozen=True)
class StepPart:
    """A step of a recipe. ``comparison``: the file beside the network; ``tables``: rows by their caption."""

    title: str
    note: str
    comparison: str | None
    tables: list[tuple[str, list[Row]]]


@dataclass(frozen=True)
class RecipePart:
    """A recipe that was carried out. ``broken``: the promises that do not hold."""

    summary: str
    broken: str | None
    steps: list[StepPart]


def describe_recipes(results: Results) -> list[RecipePart]:
    """Return a part for each candidate, in the order of params.yaml.

    Args:
        results: of the stages.
    """
    return [_recipe(name, candidate) for name, candidate in results.candidates.items()]


def _recipe(name: str, candidate: Candidate) -> RecipePart:
    promises = [promise for step in candidate.steps for promise in step.promises]
    kept = sum(promise.holds for promise in promises)
    techniques = " → ".join(step.technique for step in candidate.steps)
    return RecipePart(
        summary=f"{name}: {techniques} · {kept} of {len(promises)} promises hold",
        broken=describe_broken(candidate),
        steps=list(map(_step, candidate.steps)),
    )


def _step(step: Step) -> StepPart:
    changed = f"{len(step.changed)} layers changed, {len(step.skipped)} left alone"
    return StepPart(
        title=describe_step(step),
        note=f"{changed}, {number(step.seconds, 1)} s",
        comparison=step.comparison.sentence if step.comparison else None,
        tables=[
            ("Left alone", skips_table(step)),
            ("Measured and chosen on the way", details_table(step)),
            *((name.capitalize(), rows) for name, rows in tables_within(step).items()),
            ("Layers after this step", layers_table(step)),
            ("Promises, measured after this step", promises_table(step)),
        ],
    )
