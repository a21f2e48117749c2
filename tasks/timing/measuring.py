"""Times models in several processes, one after the other.

What a model takes differs from process to process by more than chance within one: where its memory lies decides which
caches and pages it shares. The rounds of one process do not show that, so each process counts once
(:mod:`tasks.timing.intervals`).
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tasks.arrays import Array
from tasks.errors import EvaluationError
from tasks.records import read_record, write_record
from tasks.samples import Inputs, as_inputs
from tasks.timing.worker import Job, Timings

WORKER = Job.__module__
OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Plan:
    """The amount of measuring: ``rounds`` of each of the ``processes``, after ``warmup`` rounds in each.

    ``seconds`` are for the rounds of all processes together: each has its share, after which it begins no other round
    but the first three. ``batch``: samples at once when throughput is measured; None leaves it out.
    """

    processes: int
    rounds: int
    warmup: int
    batch: int | None = None
    seconds: float | None = None


def time_models(
    models: Mapping[str, Path], samples: Inputs | Array, plan: Plan, own: Mapping[str, Inputs] = MappingProxyType({})
) -> tuple[Timings, ...]:
    """Time models in turns, in one process after the other.

    Args:
        models: their files by name.
        samples: at least a batch of them; an array is that of the only input.
        plan: how much is measured.
        own: the same samples as single models read them.

    Returns:
        the timings of each process.

    Raises:
        EvaluationError: a process died, or a model cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="slimline-timing-") as name:
        folder = Path(name)
        files = _save(as_inputs(samples), folder / "all")
        own_files = {
            model: _save(inputs, folder / f"own{number}") for number, (model, inputs) in enumerate(own.items())
        }
        return tuple(
            _run(
                Job(
                    models={model: path.absolute() for model, path in models.items()},
                    inputs=files,
                    own_inputs=own_files,
                    rounds=plan.rounds,
                    warmup=plan.warmup,
                    batch=plan.batch,
                    seconds=None if plan.seconds is None else plan.seconds / plan.processes,
                    result=folder / "timings.json",
                ),
                folder,
            )
            for _ in range(plan.processes)
        )


def _save(inputs: Inputs, folder: Path) -> dict[str, Path]:
    folder.mkdir()
    files = {name: folder / f"{number}.npy" for number, name in enumerate(inputs.arrays)}
    for name, file in files.items():
        np.save(file, inputs.arrays[name])
    return files


def _run(job: Job, folder: Path) -> Timings:
    """Run one process; its standard input is open as long as this process lives."""
    job_file, said, errors = folder / "job.json", folder / "said.txt", folder / "errors.txt"
    write_record(job_file, job)
    with (
        said.open("wb") as output,
        errors.open("wb") as complaints,
        subprocess.Popen(
            [sys.executable, "-P", "-m", WORKER, str(job_file)], stdin=subprocess.PIPE, stdout=output, stderr=complaints
        ) as process,
    ):
        code = process.wait()
    if code:
        raise EvaluationError(_explain(code, said.read_text(errors="replace"), errors.read_text(errors="replace")))
    return read_record(job.result, Timings)


def _explain(code: int, said: str, complaints: str) -> str:
    """The sentence about a process that did not end well."""
    message = complaints.strip().rpartition("\n")[2]
    if code > 0 and message.startswith("Expected"):
        return message
    names = said.split("\n")[:-1]
    where = f"after it loaded {names[-1]}" if names else "before it loaded a model"
    if code > 0:
        return f"Expected the process that times models to end well. Received: code {code} {where}: {message}"
    cause = signal.Signals(-code)
    why = (
        "It was ended from outside; if memory ran out, run less beside it (flow.parallel), then run it again."
        if cause in OUTSIDE
        else "The runtime crashed on this model: leave its recipe out, or make it otherwise."
    )
    return f"Expected the process that times models to end well. Received: {cause.name} {where}. {why}"
