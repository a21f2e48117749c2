"""Everything that is known about the chosen candidate, checked to be about one and the same model."""

from dataclasses import dataclass
from pathlib import Path

from tasks.compression.records import Candidate, candidate_model, candidate_record
from tasks.data_loading.dataset import PREPARED, Dataset, read_dataset
from tasks.errors import ReleaseError
from tasks.evaluation.records import BASELINE, BENCHMARK, GATE, BenchmarkReport, GateReport, Quality, quality_file
from tasks.files import sha256
from tasks.records import read_record
from tasks.training.records import TEACHERS_RECORD, TRAINING, TeachersReport, TrainingReport


@dataclass(frozen=True)
class Evidence:
    """The records of the stages that led to the chosen candidate."""

    gate: GateReport
    candidate: Candidate
    training: TrainingReport
    teachers: TeachersReport
    chosen: Quality
    baseline: Quality
    benchmark: BenchmarkReport
    dataset: Dataset
    prepared_sha256: str  # of dataset.json

    @property
    def threads(self) -> dict[str, int]:
        """How many each stage had, as far as it is known."""
        found = {
            "train": self.training.threads,
            "teach": self.teachers.threads,
            "compress": self.candidate.threads,
        }
        return {stage: threads for stage, threads in found.items() if threads}

    @property
    def model(self) -> Path:
        """The chosen candidate's file."""
        return candidate_model(self.gate.chosen)


def load_evidence() -> Evidence:
    """Read the records of a candidate that may be released.

    Raises:
        ReleaseError: the gate did not pass, or a record speaks of another model than the gate decided about.
        DataError: a record is missing.
    """
    gate = read_record(GATE, GateReport)
    if gate.outcome != "PASS":
        raise ReleaseError(f"Expected a candidate that passed the gate. Received: {gate.outcome}. {gate.sentence}")
    evidence = Evidence(
        gate=gate,
        candidate=read_record(candidate_record(gate.chosen), Candidate),
        training=read_record(TRAINING, TrainingReport),
        teachers=read_record(TEACHERS_RECORD, TeachersReport),
        chosen=read_record(quality_file(gate.chosen), Quality),
        baseline=read_record(quality_file(BASELINE), Quality),
        benchmark=read_record(BENCHMARK, BenchmarkReport),
        dataset=read_dataset(),
        prepared_sha256=sha256(PREPARED / "dataset.json"),
    )
    for place, received in {
        candidate_record(gate.chosen): evidence.candidate.sha256,
        quality_file(gate.chosen): evidence.chosen.sha256,
        BENCHMARK: evidence.benchmark.models[gate.chosen].sha256,
    }.items():
        check_model(place, received, gate)
    return evidence


def check_model(place: Path, received: str | None, gate: GateReport) -> None:
    """Refuse a file or a record about another model than the one that passed the gate.

    Raises:
        ReleaseError: the SHA-256 ``received`` is another one.
    """
    if received != gate.model_sha256:
        raise ReleaseError(
            f"Expected {place} to be of the model that passed the gate, SHA-256 {gate.model_sha256}. "
            f"Received: {received}. It was changed after the gate: run `slimline run` or `dvc repro` again."
        )
