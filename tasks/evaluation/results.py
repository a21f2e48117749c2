"""All that a run found out, read back from its files."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.compression.records import Candidate, NotMade, candidate_model, read_candidate
from tasks.config import Params
from tasks.errors import EvaluationError
from tasks.evaluation.predictions import (
    Answers,
    Predictions,
    Split,
    check_pairing,
    read_predictions,
)
from tasks.evaluation.question import read_decision
from tasks.evaluation.records import (
    BASELINE,
    BENCHMARK,
    GATE,
    PRODUCTION,
    BenchmarkReport,
    Cost,
    Decision,
    GateReport,
    Quality,
    Speed,
    predictions_file,
    quality_file,
)
from tasks.files import sha256
from tasks.records import read_record
from tasks.samples import Dataset, read_dataset
from tasks.training.records import HISTORY, TRAINING, TrainingReport
from tasks.workloads import measuring_of
from tasks.workloads.measuring import OutcomeMeasuring


@dataclass(frozen=True)
class Results:
    """The stages' records. ``gate`` is None until a candidate is chosen, ``decision`` until it is decided about.

    ``qualities`` and ``predictions`` are by name: ``baseline``, ``production`` and the recipes. ``candidates`` are
    those that were made, ``not_made`` says of the other recipes why not.
    """

    params: Params
    dataset: Dataset
    training: TrainingReport
    history: Mapping[str, tuple[float, ...]]  # column → values, one an epoch
    candidates: Mapping[str, Candidate]
    qualities: Mapping[str, Quality]
    predictions: Mapping[str, Predictions]
    benchmark: BenchmarkReport
    gate: GateReport | None = None
    decision: Decision | None = None
    not_made: Mapping[str, str] = field(default_factory=dict)

    @property
    def measuring(self) -> OutcomeMeasuring:
        """Return what is measured of the outcome."""
        return measuring_of(self.dataset)

    def answers(self, name: str, split: Split) -> Answers:
        """Return what a model said about a split.

        Args:
            name: ``baseline``, ``production`` or a recipe's name.
            split: whose samples.
        """
        return self.predictions[name].splits[split]

    def cost(self, name: str) -> Cost:
        """Return what a model costs.

        Args:
            name: ``baseline``, ``production`` or a recipe's name.

        Raises:
            EvaluationError: the model is absent.
        """
        cost = self.qualities[name].cost
        if cost is None:
            raise EvaluationError(
                f"Expected the cost of {name} in {quality_file(name)}. Received: none. "
                f"Run `slimline run` or `dvc repro` again."
            )
        return cost

    def speed(self, name: str) -> Speed:
        """Return how fast a model is.

        Args:
            name: ``baseline``, ``production`` or a recipe's name.
        """
        return self.benchmark.models[name]

    def why_absent(self, name: str) -> str | None:
        """Return why there is no such model to compare with, or None if there is one.

        Args:
            name: ``baseline``, ``production`` or a recipe's name.
        """
        absent = self.qualities[name].absent
        return absent or (None if name in self.benchmark.models else f"{name} was not benchmarked")


def load_results(params: Params) -> Results:
    """Read every record of the last run; ``gate`` if it has chosen, ``decision`` if it is about the chosen one.

    Args:
        params: of the project.

    Returns:
        all records, checked to be about the same files and samples.

    Raises:
        DataError: a record is missing or of another version.
        EvaluationError: predictions are missing, or records speak of other files or samples.
    """
    names = (BASELINE, PRODUCTION, *params.recipes)
    records = {name: read_candidate(name) for name in params.recipes}
    results = Results(
        params=params,
        dataset=read_dataset(),
        training=read_record(TRAINING, TrainingReport),
        history=read_history(HISTORY),
        candidates={name: record for name, record in records.items() if isinstance(record, Candidate)},
        not_made={name: record.not_made for name, record in records.items() if isinstance(record, NotMade)},
        qualities={name: read_record(quality_file(name), Quality) for name in names},
        predictions={name: read_predictions(predictions_file(name)) for name in names},
        benchmark=read_record(BENCHMARK, BenchmarkReport),
        gate=read_record(GATE, GateReport) if GATE.exists() else None,
    )
    check_results(results)
    return replace(results, decision=read_decision(params)) if results.gate else results


def read_history(path: Path) -> dict[str, tuple[float, ...]]:
    """Return the columns of the training's history, by name; none where there is no file.

    Args:
        path: of the CSV file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    return {name: tuple(float(row[name]) for row in rows) for name in (rows[0] if rows else {})}


def check_results(results: Results) -> None:
    """Check that what is compared is what was made: the same files, the same samples.

    Args:
        results: as they were read.

    Raises:
        EvaluationError: a record speaks of another file, or of other samples.
    """
    known, trained = [metric.name for metric in results.measuring.metrics], list(results.training.metrics)
    if len(trained) != 1 or trained[0] not in known:
        raise EvaluationError(
            f"Expected the training to be measured by one of the outcome's metrics, {', '.join(known)}. Received: "
            f"{', '.join(trained) or 'none'}. Give the Keras metric of the outcome's learning such a name."
        )
    for name, candidate in results.candidates.items():
        if not candidate_model(name).exists():
            raise EvaluationError(
                f"Expected the model of {name} at {candidate_model(name)}. Received: no such file. "
                f"Run `slimline run` or `dvc repro` first."
            )
        _check_same(
            f"{candidate_model(name)} and its records",
            (candidate.sha256, sha256(candidate_model(name)), results.qualities[name].sha256),
        )
    for name, speed in results.benchmark.models.items():
        if name in results.qualities:
            _check_same(f"the model of {name} in its records", (results.qualities[name].sha256, speed.sha256))
    for name, predictions in results.predictions.items():
        if results.qualities[name].absent is None:
            _check_same(f"the samples of {name}", (results.qualities[name].data, predictions.data))
            check_pairing(name, predictions, BASELINE, results.predictions[BASELINE])


def _check_same(what: str, digests: Iterable[str | None]) -> None:
    seen = list(dict.fromkeys(str(digest) for digest in digests))
    if len(seen) > 1:
        raise EvaluationError(
            f"Expected {what} to have one SHA-256. Received: {', '.join(digest[:12] for digest in seen)}. "
            f"Something was changed behind the line's back: run `slimline run` or `dvc repro` again."
        )
