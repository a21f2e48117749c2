"""Records that the compression stage leaves for others to read."""

import shutil
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field

from tasks.files import write_bytes
from tasks.learning.records import Comparison
from tasks.records import Record, read_record, write_record
from tasks.samples import ASSETS

CANDIDATES = Path("models/candidates")
EARLIER = Path(".slimline/earlier")  # put there by `slimline reproduce`, in its clone alone
TRAINING_ALONE = frozenset({"fine_tune", "distill"})  # techniques that compress nothing


class Reason(StrEnum):
    """Reasons why a technique leaves a layer alone: all there are, so that reports can be counted and compared."""

    UNSUPPORTED = "the technique does not work on this kind of layer"
    TOO_SMALL = "too small to gain anything"
    WOULD_GROW = "the layer would become bigger"
    SENSITIVE = "the model's answers would suffer"
    TIED = "tied to a layer that has to stay as it is"
    EXCLUDED = "left out by the recipe"
    CONVERTER = "the converter keeps this layer's weights as they are"
    UNCHANGED = "its weights came out as they had been"


class Skip(Record):
    """A layer that a technique left alone, and why; ``detail`` has the numbers behind, if there are any."""

    layer: str
    reason: Reason
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The reason with its detail, for people."""
        return f"{self.reason} ({self.detail})" if self.detail else str(self.reason)


class Promise(Record):
    """A technique's promise of a layer, and what was measured of it afterwards."""

    layer: str
    promise: str  # e.g. "sparsity", "clusters", "dtype"
    promised: float | str
    measured: float | str
    holds: bool


class LayerState(Record):
    """A layer's weights after a step, its bias left out."""

    layer: str  # its path: behind those that it is in; behind it, of several weights, the name of this one
    dtype: str
    shape: tuple[int, ...]  # output channels first
    bytes: int  # of the weights as this form holds them
    zeros: float  # fraction
    distinct: int  # most values in any one output channel
    rank: int | None  # of the weights as a matrix [outputs, rest]; None where it would take long to find
    distortion: float | None  # energy of the change by this step / energy before, up to a factor common to the layer;
    # None where the layer was not there before or has another shape now
    tensors: tuple[tuple[int, int], ...] = ()  # of a .tflite file that hold the weights: numbers of graph and tensor


class LatencyTrial(Record):
    """One measurement in the search for the widest network that is fast enough.

    The same network comes out of a budget of ``{metric: macs, max: <macs>}`` on any machine. ``upper``: end of the 99 %
    interval of what is limited, ratio or microseconds, which decides whether it ``fits``.
    """

    macs: int  # the budget; the network has at most so many
    microseconds: float  # an image, one thread
    ratio: float  # to the time of the network that the step began with, measured in turns
    upper: float
    fits: bool


class Step(Record):
    """One technique of a recipe, as it was carried out."""

    technique: str
    config: dict[str, Any]
    seconds: float
    changed: tuple[str, ...]  # layers
    skipped: tuple[Skip, ...]
    promises: tuple[Promise, ...]  # this step's and those of the steps before it, measured after this step
    layers: tuple[LayerState, ...] = ()
    # what was timed, in that order; the last one that fits was taken; records of earlier versions call it ladder
    trials: Annotated[tuple[LatencyTrial, ...], Field(validation_alias=AliasChoices("trials", "ladder"))] = ()
    comparison: Comparison | None = None  # of the file that the step gave with what it was made of
    details: dict[str, Any] = Field(default_factory=dict)  # what the technique measured and chose on the way


class Candidate(Record):
    """The result of a recipe that began with the baseline."""

    recipe: str
    steps: tuple[Step, ...]
    bytes: int  # of model.tflite
    sha256: str  # of model.tflite
    baseline_weights_sha256: str
    seconds: float
    versions: dict[str, str]
    threads: int | None = None
    ids_kept: tuple[int, ...] = Field(default=(), exclude_if=lambda value: not value)  # the only ones that it knows

    @property
    def comparison(self) -> Comparison | None:
        """The file beside the last float form of the recipe; None in records of earlier versions."""
        found = [step.comparison for step in self.steps if step.comparison is not None]
        return found[0] if found else None

    @property
    def is_control(self) -> bool:
        """True if it was trained on and nothing else, so that what training gives is not taken for compression's."""
        techniques = {step.technique for step in self.steps}
        return bool(techniques & TRAINING_ALONE) and techniques <= TRAINING_ALONE | {"convert"}

    @property
    def taught_epochs(self) -> dict[str, int]:
        """Epochs of training by the name of who taught; none without training."""
        found: Counter[str] = Counter()
        for step in self.steps:
            if _trained(step.config) and "distillation" in step.config:
                found[step.config["distillation"]["teacher"]] += step.config["epochs"] * step.config.get("rounds", 1)
        return {teacher: epochs for teacher, epochs in found.items() if epochs}


def _trained(config: Mapping[str, Any]) -> bool:
    """Return whether a step that could train did, by its settings; ``aware`` is what ``training`` was called before."""
    return bool(config.get("training", "qat") != "none" and config.get("aware", True))


class NotMade(Record):
    """A recipe that could not be carried out on this network, and why; its ``model.tflite`` is empty."""

    recipe: str
    not_made: str  # the reason, as a sentence


def candidate_model(recipe: str) -> Path:
    """Return where a recipe's deployable model is; an empty file where the recipe could not be carried out.

    Args:
        recipe: its name.
    """
    return CANDIDATES / recipe / "model.tflite"


def candidate_record(recipe: str) -> Path:
    """Return where the record of a candidate is: a :class:`Candidate`, or why there is none, a :class:`NotMade`.

    Args:
        recipe: its name.
    """
    return CANDIDATES / recipe / "candidate.json"


def candidate_assets(recipe: str) -> Path:
    """Return the folder of what a candidate reads questions with, where that is not what the run has learned.

    Args:
        recipe: its name.
    """
    return CANDIDATES / recipe / ASSETS


def was_made(model: Path) -> bool:
    """Return whether a recipe could be carried out: if not, its model's file is empty.

    Args:
        model: the path of the file.
    """
    return not model.exists() or model.stat().st_size > 0


def read_candidate(recipe: str, root: Path = Path()) -> Candidate | NotMade:
    """Read what is known about a recipe's candidate.

    Args:
        recipe: its name.
        root: the project's folder.

    Returns:
        the candidate, or why there is none.

    Raises:
        DataError: the record is missing or is neither of the two.
    """
    record = root / candidate_record(recipe)
    return read_record(record, Candidate) if was_made(root / candidate_model(recipe)) else read_record(record, NotMade)


def write_not_made(recipe: str, reason: str) -> None:
    """Write the record and the empty model of a recipe that could not be carried out.

    Args:
        recipe: its name.
        reason: a sentence.
    """
    write_own_assets(recipe, {})
    write_record(candidate_record(recipe), NotMade(recipe=recipe, not_made=reason))
    write_bytes(candidate_model(recipe), b"")


def write_own_assets(recipe: str, assets: Mapping[str, bytes]) -> None:
    """Leave what a candidate reads questions with; the folder is empty where that is what the run has learned.

    Args:
        recipe: the candidate's.
        assets: files by their names.
    """
    folder = candidate_assets(recipe)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in assets.items():
        write_bytes(folder / name, content)


def earlier_record(recipe: str) -> Path:
    """Return where the record of the candidate that is made again lies, in a clone that makes it again.

    Args:
        recipe: its name.
    """
    return EARLIER / recipe / "candidate.json"
