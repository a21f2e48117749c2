"""Latency and throughput of all models, interleaved in one process.

Each round runs every model, in an order drawn anew, so that a machine that slows down slows all of them
down and the ratios hold. The clock covers the run of the interpreter alone, at one thread: a device has its
pixels in the input tensor already, and what Python's binding takes to copy them (3 µs) would blur small
models. Before each timing the model gets a new sample of the validation split and runs once untimed, since
another model's weights were in the caches. A model that takes less than 50 µs runs several times a timing,
so that the clock's resolution does not show. Throughput is measured the same way, in batches, every fourth
round.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.compression.records import candidate_model, was_made
from tasks.config import Params
from tasks.data_loading.dataset import read_batches, read_dataset
from tasks.errors import DataError, EvaluationError
from tasks.evaluation.production import why_absent
from tasks.evaluation.records import (
    BASELINE,
    BENCHMARK,
    PRODUCTION,
    PRODUCTION_TFLITE,
    BenchmarkReport,
    Speed,
)
from tasks.evaluation.statistics import ratio_of_medians
from tasks.evaluation.wording import invert, times_interval
from tasks.files import sha256
from tasks.litert import Pixels, cpu_name, runtime_name
from tasks.records import write_record
from tasks.timing import Runner, undisturbed
from tasks.training.records import BASELINE_TFLITE

THROUGHPUT_EVERY = 4  # rounds
SEED = 1  # of the order in which models run


def benchmark(params: Params) -> None:
    """Measure the baseline, every candidate and, if it takes the same images, what is in production.

    Raises:
        EvaluationError: a model cannot be loaded.
        DataError: the validation split has no samples.
    """
    settings, models = params.benchmark, models_to_measure(params)
    samples = next(read_batches("validation", max(settings.batch, 256)), None)
    if samples is None:
        raise DataError("Expected samples in the validation split. Received: none. Raise data.split.validation.")
    images = samples[0][np.arange(max(settings.batch, len(samples[0]))) % len(samples[0])]
    latencies, throughputs = measure(models, images, params)
    report = BenchmarkReport(
        cpu=cpu_name(),
        runtime=runtime_name(),
        threads=1,
        rounds=settings.rounds,
        batch=settings.batch,
        models={
            name: summarize(path, latencies[name], throughputs[name], latencies[BASELINE], throughputs[BASELINE])
            for name, path in models.items()
        },
    )
    write_record(BENCHMARK, report)
    for name, speed in report.models.items():
        print(
            f"{name}: {speed.median_us:.1f} µs an image (p95 {speed.p95_us:.1f}), {describe_ratio(speed)}, "
            f"{speed.images_per_second:,.0f} images/s at {settings.batch}"
        )


def models_to_measure(params: Params) -> dict[str, Path]:
    """The models by name, the baseline first.

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


def measure(
    models: dict[str, Path], images: Pixels, params: Params
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Time all models round by round.

    Args:
        models: their files.
        images: uint8 ``[n, height, width, channels]``, at least a batch of them.
        params: what `benchmark` says of rounds and batch.

    Returns:
        latencies in µs an image ``[rounds]`` and throughputs in images/s ``[rounds / 4]`` of each model.
    """
    settings = params.benchmark
    single = {name: Runner(path, 1) for name, path in models.items()}
    batched = {name: Runner(path, settings.batch) for name, path in models.items()}
    latencies: list[dict[str, float]] = []
    throughputs: list[dict[str, float]] = []
    rng = np.random.default_rng(SEED)
    with undisturbed():
        for runner in (*single.values(), *batched.values()):
            runner.settle(images)
        for turn in range(-settings.warmup, settings.rounds):
            order = rng.permutation(list(models))
            sample = images[rng.integers(len(images))][np.newaxis]
            taken = {name: single[name].time(sample) / 1000 for name in order}
            if turn >= 0:
                latencies.append(taken)
            if turn >= 0 and turn % THROUGHPUT_EVERY == 0:
                throughputs.append({name: batched[name].images_per_second(images) for name in order})
    return (
        {name: np.array([taken[name] for taken in latencies]) for name in models},
        {name: np.array([rates[name] for rates in throughputs]) for name in models},
    )


def summarize(
    path: Path,
    latencies: NDArray[np.float64],
    throughputs: NDArray[np.float64],
    baseline_latencies: NDArray[np.float64],
    baseline_throughputs: NDArray[np.float64],
) -> Speed:
    """Medians, the 95th percentile and the ratios to the baseline with 95 % intervals."""
    return Speed(
        sha256=sha256(path),
        median_us=float(np.median(latencies)),
        p95_us=float(np.quantile(latencies, 0.95)),
        images_per_second=float(np.median(throughputs)),
        latency_ratio=ratio_of_medians(latencies, baseline_latencies),
        throughput_ratio=ratio_of_medians(throughputs, baseline_throughputs),
        rounds_us=tuple(round(value, 3) for value in latencies.tolist()),
    )


def describe_ratio(speed: Speed) -> str:
    """How fast beside the baseline, with the interval."""
    faster = invert(speed.latency_ratio)
    return f"{faster.value:.2f} × as fast as the baseline ({times_interval(faster)})"
