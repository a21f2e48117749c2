"""Everything that is known about the chosen candidate, checked to be about one and the same model."""

from dataclasses import dataclass
from pathlib import Path

from tasks.compression.records import Candidate, candidate_model, candidate_record
from tasks.config import Params
from tasks.deployment.reviews.rules import is_for_a_person
from tasks.errors import ReleaseError
from tasks.evaluation.asking import as_asked
from tasks.evaluation.question import read_decision
from tasks.evaluation.records import (
    BASELINE,
    BENCHMARK,
    GATE,
    BenchmarkReport,
    Decision,
    GateReport,
    Quality,
    quality_file,
)
from tasks.files import sha256
from tasks.records import read_record
from tasks.samples import PREPARED, Dataset, read_dataset
from tasks.training.records import TEACHERS_RECORD, TRAINING, TeachersReport, TrainingReport


@dataclass(frozen=True)
class ChosenCandidate:
    """The records of the stages that led to the chosen candidate."""

    gate: GateReport
    decision: Decision | None  # None where none was worth its price, and a person decides
    record: Candidate
    training: TrainingReport
    teachers: TeachersReport
    quality: Quality
    baseline: Quality
    benchmark: BenchmarkReport
    dataset: Dataset  # as the candidate is asked about it
    prepared_sha256: str  # of dataset.json

    @property
    def threads(self) -> dict[str, int]:
        """Return how many each stage had, as far as it is known."""
        found = {
            "train": self.training.threads,
            "teach": self.teachers.threads,
            "compress": self.record.threads,
        }
        return {stage: threads for stage, threads in found.items() if threads}

    @property
    def inconclusive(self) -> str | None:
        """Return why the gate could not decide; None where it has passed."""
        if self.decision is None:
            return self.gate.sentence
        return None if self.decision.outcome == "PASS" else self.decision.sentence

    @property
    def model(self) -> Path:
        """The chosen candidate's file."""
        return candidate_model(self.gate.chosen)


def load_chosen_candidate(params: Params) -> ChosenCandidate:
    """Read the records of a candidate that may be released, be it by a person.

    Args:
        params: of the project.

    Returns:
        the candidate and its records, all about one model.

    Raises:
        ReleaseError: it was not decided about, did not pass and no person may release it, or a record speaks of
            another model than the decision.
        DataError: a record is missing.
    """
    gate = read_record(GATE, GateReport)
    chosen = ChosenCandidate(
        gate=gate,
        decision=load_decision(params, gate),
        record=read_record(candidate_record(gate.chosen), Candidate),
        training=read_record(TRAINING, TrainingReport),
        teachers=read_record(TEACHERS_RECORD, TeachersReport),
        quality=read_record(quality_file(gate.chosen), Quality),
        baseline=read_record(quality_file(BASELINE), Quality),
        benchmark=read_record(BENCHMARK, BenchmarkReport),
        dataset=as_asked(candidate_model(gate.chosen), read_dataset()),
        prepared_sha256=sha256(PREPARED / "dataset.json"),
    )
    for path, received in {
        candidate_record(gate.chosen): chosen.record.sha256,
        quality_file(gate.chosen): chosen.quality.sha256,
        BENCHMARK: chosen.benchmark.models[gate.chosen].sha256,
    }.items():
        check_model(path, received, gate)
    return chosen


def load_decision(params: Params, gate: GateReport) -> Decision | None:
    """Read the decision about just this candidate, its rules, samples and opponents.

    Args:
        params: of the project.
        gate: what it has chosen.

    Returns:
        None where none was worth its price, and a person may release what the gate could not decide.

    Raises:
        ReleaseError: there is none, or it is neither PASS nor one that a person may go beyond.
        DataError: a record is missing.
    """
    decision, for_a_person = read_decision(params), is_for_a_person(params.deployment, gate)
    if decision is None:
        if for_a_person and not gate.promising:
            return None
        raise ReleaseError(
            f"Expected a candidate that passed on the sealed test samples. Received: {gate.outcome} on validation "
            f"alone, which is provisional and cannot be released. `slimline run` takes the decision. {gate.sentence}"
        )
    undecided = decision.outcome == "INCONCLUSIVE" and decision.question.tells_failure
    if decision.outcome != "PASS" and not (undecided and for_a_person):
        raise ReleaseError(f"Expected a candidate that passed. Received: {decision.outcome}. {decision.sentence}")
    return decision


def check_model(path: Path, received: str | None, gate: GateReport) -> None:
    """Refuse a file or a record about another model than the one that passed the gate.

    Args:
        path: the file or the record, for the message.
        received: the SHA-256 that it has.
        gate: has the SHA-256 that is expected.

    Raises:
        ReleaseError: the SHA-256 ``received`` is another one.
    """
    if received != gate.model_sha256:
        raise ReleaseError(
            f"Expected {path} to be of the model that passed the gate, SHA-256 {gate.model_sha256}. "
            f"Received: {received}. It was changed after the gate: run `slimline run` or `dvc repro` again."
        )
