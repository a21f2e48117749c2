"""Find out whether the release in production can be compared with, and hold a run back where it cannot.

Only where nothing is in production yet is nothing compared. A release for another task (other classes, other inputs) is
not updated by this one, and one that does not run here would be replaced unseen: both hold a run back, unless
``deployment.replaces`` names that very release.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import EvaluationError
from tasks.evaluation.asking import as_asked
from tasks.evaluation.records import (
    PRODUCTION,
    PRODUCTION_CONSENT,
    PRODUCTION_TFLITE,
    Consent,
    Obstacle,
    RuleVerdict,
)
from tasks.evaluation.results import Results
from tasks.litert import LiteRTModel
from tasks.records import read_record
from tasks.samples import Dataset, Specs
from tasks.training.records import BASELINE_TFLITE
from tasks.wording import sentence
from tasks.workloads import find_workload

Shapes = dict[str, tuple[int, ...]]  # by the name of the input; an only one has none


@dataclass(frozen=True)
class Absence:
    """The reason why nothing is compared: no release at all or, with an obstacle, one that is in the way."""

    sentence: str
    obstacle: Obstacle | None = None
    release: int | None = None
    consent: Consent | None = None


def why_absent(path: Path, dataset: Dataset) -> str | None:
    """Return why there is no release in production to compare with, or None if there is one.

    Args:
        path: of the release's model.
        dataset: what candidates are for.
    """
    absence = find_absence(path, dataset)
    return absence.sentence if absence else None


def find_absence(path: Path, dataset: Dataset, baseline: Path = BASELINE_TFLITE) -> Absence | None:
    """Find what is in the way of a comparison with the release in production; None if it can be made.

    Args:
        path: of the release's model; what is known of the release lies beside it.
        dataset: what candidates are for.
        baseline: a model for it, if it is there: the release's inputs must have the types of this one's.

    Returns:
        the words for it, and whether it holds the run back.
    """
    record, known = path.with_name("production.json"), {}
    if record.exists():
        known = json.loads(record.read_text(encoding="utf-8"))
    release = known.get("release")
    if release is None and not path.exists():
        return Absence("no release is in production yet")
    found = _find_obstacle(path, dataset, known, baseline)
    if found is None:
        return None
    obstacle, words = found
    said = path.with_name(PRODUCTION_CONSENT.name)
    consent = read_record(said, Consent).for_classes(dataset.classes) if said.exists() else None
    return Absence(words, obstacle, release, consent)


def _find_obstacle(path: Path, dataset: Dataset, known: dict[str, Any], baseline: Path) -> tuple[Obstacle, str] | None:
    if not path.exists():
        return "unusable", f"the release in production is not here: {path} is missing"
    for what, mine in {"workload": dataset.workload, "outcome": find_workload(dataset.workload).outcome.name}.items():
        if known.get(what) not in (None, mine):
            return "another task", f"the release in production is of the {what} {known[what]}, not {mine}"
    classes = known.get("classes")
    if classes is not None and tuple(classes) != dataset.classes:
        order = "the same classes in another order" if set(classes) == set(dataset.classes) else "other classes"
        return "another task", f"the release in production knows {order} ({', '.join(map(str, classes[:20]))})"
    try:
        model = LiteRTModel(path)
        ours = LiteRTModel(baseline) if baseline.exists() else model
        asked = as_asked(path, dataset)
        misfit = _other_target(asked, dataset) or why_misfit(model, asked) or _other_input(model, ours)
    except EvaluationError as error:
        return "unusable", f"the release in production does not run here: {error}"
    return ("another task", f"the release in production is {misfit}") if misfit else None


def released_as(path: Path = PRODUCTION_TFLITE) -> tuple[float, ...]:
    """Return what was settled of the release in production, as thresholds of its classes.

    Args:
        path: of its model; what is known of the release lies beside it.
    """
    record = path.with_name("production.json")
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    return tuple(map(float, known.get("settled", ())))


def why_misfit(model: LiteRTModel, dataset: Dataset) -> str | None:
    """Return why a model cannot answer for a data set, or None if it can.

    Args:
        model: loaded.
        dataset: what was prepared, as the model is asked with it.
    """
    wanted = _shapes(dataset.inputs)
    if shapes_of(model) != wanted:
        things = find_workload(dataset.workload).things
        return f"a model for {things} of {_tell(shapes_of(model))}, not {_tell(wanted)}"
    outcome = find_workload(dataset.workload).outcome
    if model.output.shape[-1] != outcome.outputs(dataset):
        return f"a model with {model.output.shape[-1]} outputs, not {outcome.outputs(dataset)}"
    return None


def shapes_of(model: LiteRTModel) -> Shapes:
    """Return the shape of a sample's inputs, as a model takes them.

    Args:
        model: loaded.
    """
    return _unnamed({name: tensor.shape[1:] for name, tensor in model.inputs.items()})


def _shapes(inputs: Specs) -> Shapes:
    return _unnamed({spec.name: spec.shape for spec in inputs})


def _unnamed(shapes: Shapes) -> Shapes:
    return {"": next(iter(shapes.values()))} if len(shapes) == 1 else shapes


def _tell(shapes: Shapes) -> str:
    return ", ".join(f"{name} {shape}".strip() for name, shape in sorted(shapes.items()))


def _other_target(theirs: Dataset, ours: Dataset) -> str | None:
    """Return what a release tells of samples, where it is not what this run's models tell."""
    taken, wanted = (each.target.name for each in (theirs, ours))
    return f"a model that tells {taken}, not {wanted}" if taken != wanted else None


def _other_input(theirs: LiteRTModel, ours: LiteRTModel) -> str | None:
    taken, wanted = (_tell_types(model) for model in (theirs, ours))
    return f"a model that takes {taken}, not {wanted}" if taken != wanted else None


def _tell_types(model: LiteRTModel) -> str:
    if len(model.inputs) == 1:
        return next(iter(model.inputs.values())).dtype
    return ", ".join(f"{name} {tensor.dtype}" for name, tensor in sorted(model.inputs.items()))


def judge_production(results: Results) -> Iterator[RuleVerdict]:
    """Yield a verdict if a release that cannot be compared is in the way, none otherwise.

    Args:
        results: of the stages.
    """
    quality = results.qualities[PRODUCTION]
    if quality.obstacle is None:
        return
    model, consent = results.params.deployment.model, quality.consent
    release = f"release {quality.release}" if quality.release else "a release"
    what = f"{release} of {model} in production cannot be compared with: {quality.absent}."
    if consent and consent.counts:
        said = f"{consent.sentence}"
    else:
        said = (
            "What is for another task does not update it. " if quality.obstacle == "another task" else ""
        ) + f"{ways_out(quality.release)}{f' {consent.sentence}' if consent else ''}"
    judgement = "FAIL" if quality.obstacle == "another task" else "INCONCLUSIVE"
    yield RuleVerdict(
        metric="task",
        versus=PRODUCTION,
        outcome="NO_BASELINE" if consent and consent.counts else judgement,
        value=None,
        low=None,
        high=None,
        limit=0.0,
        sentence=sentence(f"{what} {said}"),
    )


def ways_out(release: int | None) -> str:
    """Return what to do where a release is in the way.

    Args:
        release: its version, if that is known.
    """
    named = release if release else "its version"
    return (
        f"Either give this model a name of its own (deployment.model), or let it take that release's place, once "
        f"(deployment.replaces: {named})."
    )
