"""What the compression stage leaves for others to read."""

from pathlib import Path
from typing import Any

from tasks.files import Record

CANDIDATES = Path("models/candidates")


class Skip(Record):
    """A layer that a technique left alone, and why."""

    layer: str
    reason: str


class Promise(Record):
    """What a technique promised of a layer and what was measured of it afterwards."""

    layer: str
    promise: str  # e.g. "sparsity", "clusters", "dtype"
    promised: float | str
    measured: float | str
    holds: bool


class Step(Record):
    """One technique of a recipe, as it was carried out."""

    technique: str
    config: dict[str, Any]
    seconds: float
    changed: tuple[str, ...]  # layers
    skipped: tuple[Skip, ...]
    promises: tuple[Promise, ...]  # this step's and those of the steps before it, measured after this step


class Candidate(Record):
    """What a recipe made out of the baseline."""

    recipe: str
    steps: tuple[Step, ...]
    bytes: int  # of model.tflite
    sha256: str  # of model.tflite
    baseline_weights_sha256: str
    seconds: float
    versions: dict[str, str]


def candidate_model(recipe: str) -> Path:
    """Where a recipe's deployable model is."""
    return CANDIDATES / recipe / "model.tflite"


def candidate_record(recipe: str) -> Path:
    """Where what is known about it is."""
    return CANDIDATES / recipe / "candidate.json"
