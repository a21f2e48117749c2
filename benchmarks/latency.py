"""Measure how often the interval of a file's latency beside itself holds 1, and its width: a Markdown table.

::

    python -m benchmarks.latency models/baseline.tflite models/candidates/int8/model.tflite --runs 200

Each run is what the stage `benchmark` does with two models, and both are the same file. Beside it stands the interval
before it: all rounds in one process, resampled. That one doubles the time, so it may have fewer runs (`--before`).
"""

import argparse
import time
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.config import Benchmark
from tasks.litert import LiteRTModel
from tasks.records import Interval
from tasks.timing.intervals import ratio, typical
from tasks.timing.measuring import Plan, time_models

REPLICATES = 4_000
HEAD = (
    "file",
    "µs",
    "runs",
    "holds 1",
    "half-width: median",
    "90 % below",
    "one process holds 1",
    "half-width: median",
)


def beside_itself(path: Path, images: Array, plan: Plan) -> tuple[Interval, float]:
    """The ratio's interval, and the µs of an image."""
    processes = time_models({"one": path, "other": path}, images, plan)
    one, other = ([timings.latencies[name] for timings in processes] for name in ("one", "other"))
    return ratio(one, other), typical(one).value


def by_rounds(path: Path, images: Array, rounds: int) -> Interval:
    """The ratio of medians with a percentile bootstrap of the rounds of one process."""
    (timings,) = time_models({"one": path, "other": path}, images, Plan(1, rounds, rounds // 10))
    one, other = (np.array(timings.latencies[name]) for name in ("one", "other"))
    drawn = np.random.default_rng(1).integers(0, rounds, size=(REPLICATES, rounds))
    ratios = np.median(one[drawn], axis=1) / np.median(other[drawn], axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Interval(value=float(np.median(one) / np.median(other)), low=float(low), high=float(high))


def held(intervals: list[Interval]) -> str:
    return f"{np.mean([one.low <= 1 <= one.high for one in intervals]):.3f}"


def half_widths(intervals: list[Interval]) -> tuple[str, str]:
    """The median and the 90 % quantile."""
    halves = [100 * (one.high - one.low) / 2 for one in intervals]
    return f"{np.median(halves):.1f} %", f"{np.quantile(halves, 0.9):.1f} %"


def main() -> None:
    settings = Benchmark()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--before", type=int, default=200, help="runs of the interval of one process; 0: none")
    parser.add_argument("--processes", type=int, default=settings.processes)
    parser.add_argument("--rounds", type=int, default=settings.rounds, help="of each process")
    options = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    plan, began = Plan(options.processes, options.rounds, settings.warmup), time.monotonic()
    for path in options.files:
        (image,) = LiteRTModel(path).inputs.values()
        images = np.random.default_rng(1).integers(0, 256, (64, *image.shape[1:]), np.uint8)
        seen, alone, taken = [], [], []
        for number in range(options.runs):
            interval, us = beside_itself(path, images, plan)
            seen.append(interval)
            taken.append(us)
            if number < options.before:
                alone.append(by_rounds(path, images, options.processes * options.rounds))
        middle, most = half_widths(seen)
        before = (held(alone), half_widths(alone)[0]) if alone else ("", "")
        cells = (path.stem, f"{np.median(taken):.1f}", options.runs, held(seen), middle, most, *before)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s; {options.processes} processes of {options.rounds} rounds")


if __name__ == "__main__":
    main()
