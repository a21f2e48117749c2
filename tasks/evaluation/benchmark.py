"""Latency and throughput of all models, in turns, in several processes.

Each round runs every model, in an order drawn anew, so that a machine that slows down slows all of them
down and the ratios hold. The clock covers the run of the interpreter alone, at one thread: a device has its
sample in the input tensors already, and what Python's binding takes to copy them (3 µs) would blur small
models. Before each timing the model gets a new sample of the validation split and, unless it takes 50 ms, runs
once untimed, since another model's weights were in the caches. A model that takes less than 50 µs runs several
times a timing, so that the clock's resolution does not show. Throughput is measured the same way, in batches,
every fourth round. A process's memory layout changes times too: each process counts once
(:mod:`tasks.timing.intervals`).
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from tasks.compression.records import candidate_model, was_made
from tasks.config import Benchmark, Params
from tasks.errors import DataError, EvaluationError
from tasks.evaluation.asking import batches, own_reader
from tasks.evaluation.production import why_absent
from tasks.evaluation.records import (
    BASELINE,
    BENCHMARK,
    PRODUCTION,
    PRODUCTION_TFLITE,
    BenchmarkReport,
    Speed,
)
from tasks.files import sha256
from tasks.litert import cpu_name, runtime_name
from tasks.records import write_record
from tasks.samples import Dataset, Inputs, read_dataset
from tasks.timing.intervals import ratio, typical
from tasks.timing.measuring import Plan, time_models
from tasks.timing.worker import Timings
from tasks.training.records import BASELINE_TFLITE
from tasks.wording import invert, times_interval


def benchmark(params: Params) -> None:
    """Measure the baseline, every candidate and, if it takes the same samples, what is in production.

    Args:
        params: all of params.yaml.

    Raises:
        EvaluationError: a model cannot be loaded, or a process that measures died.
        DataError: the validation split has no samples.
    """
    settings, models = params.benchmark, models_to_measure(params)
    dataset = read_dataset()
    own = {name: _samples(path, dataset, settings) for name, path in models.items() if own_reader(path, dataset)}
    plan = Plan(settings.processes, settings.rounds, settings.warmup, settings.batch, settings.seconds)
    timings = time_models(models, _samples(models[BASELINE], dataset, settings), plan, own)
    report = summarize(models, timings, settings)
    write_record(BENCHMARK, report)
    print(f"{report.extent}, one thread of {report.cpu}")
    for name, speed in report.models.items():
        print(
            f"{name}: {speed.median_us:.1f} µs a sample (p95 {speed.p95_us:.1f}), {describe_ratio(speed)}, "
            f"{speed.samples_per_second:,.0f} samples/s at {speed.batch}"
        )


def _samples(path: Path, dataset: Dataset, settings: Benchmark) -> Inputs:
    """Return the first samples of validation, as a model takes them."""
    asked = next(batches(path, dataset, "validation", max(settings.batch, 256)), None)
    if asked is None:
        raise DataError("Expected samples in the validation split. Received: none. Raise data.split.validation.")
    return asked.taken[np.arange(max(settings.batch, len(asked.taken))) % len(asked.taken)]


def models_to_measure(params: Params) -> dict[str, Path]:
    """Return the models by name, the baseline first.

    Args:
        params: of the project.

    Raises:
        EvaluationError: one is missing.
    """
    candidates = {recipe: candidate_model(recipe) for recipe in params.recipes}
    models = {BASELINE: BASELINE_TFLITE} | {name: path for name, path in candidates.items() if was_made(path)}
    if why_absent(PRODUCTION_TFLITE, read_dataset()) is None:
        models[PRODUCTION] = PRODUCTION_TFLITE
    for name, path in models.items():
        if not path.exists():
            raise EvaluationError(
                f"Expected the model of {name} at {path}. Received: no such file. "
                f"Run `slimline run` or `dvc repro` first."
            )
    return models


def summarize(models: Mapping[str, Path], processes: Sequence[Timings], settings: Benchmark) -> BenchmarkReport:
    """Return the record of what the processes measured.

    Args:
        models: that were measured, by name.
        processes: what each measured.
        settings: of the benchmark.
    """
    latencies = {name: tuple(timings.latencies[name] for timings in processes) for name in models}
    throughputs = {name: tuple(timings.throughputs[name] for timings in processes) for name in models}
    return BenchmarkReport(
        cpu=cpu_name(),
        runtime=runtime_name(),
        threads=1,
        rounds=settings.rounds,
        measured_rounds=tuple(len(rounds) for rounds in latencies[BASELINE]),
        seconds=settings.seconds,
        batch=settings.batch,
        models={
            name: Speed(
                sha256=sha256(path),
                median_us=typical(latencies[name]).value,
                p95_us=float(np.quantile(list(chain(*latencies[name])), 0.95)),
                samples_per_second=typical(throughputs[name]).value,
                latency_ratio=ratio(latencies[name], latencies[BASELINE]),
                throughput_ratio=ratio(throughputs[name], throughputs[BASELINE]),
                batch=min(timings.batches[name] for timings in processes),
                rounds_us=tuple(tuple(round(value, 3) for value in rounds) for rounds in latencies[name]),
            )
            for name, path in models.items()
        },
    )


def describe_ratio(speed: Speed) -> str:
    """Return how fast beside the baseline, with the interval.

    Args:
        speed: of a model.
    """
    faster = invert(speed.latency_ratio)
    return f"{faster.value:.2f} × as fast as the baseline ({times_interval(faster)})"
