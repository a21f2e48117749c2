"""The process that times models in turns: `python -P -m tasks.timing.worker JOB`, a file with a :class:`Job`."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tasks.errors import SlimlineError
from tasks.processes import end_with_parent
from tasks.records import Record, read_record, write_record
from tasks.samples import Inputs
from tasks.timing.runner import Runner, undisturbed

LEAST_ROUNDS = 3  # of a process, however long they take
WARMUP_SHARE = 0.1  # of the seconds, at most
THROUGHPUT_EVERY = 4  # rounds
LONGEST_BATCH = 1e9  # nanoseconds


class Job(Record):
    """All that a process is told."""

    models: dict[str, Path]
    inputs: dict[str, Path]  # .npy of each input: [n, *shape], at least a batch of them
    own_inputs: dict[str, dict[str, Path]]  # by model, where it reads the same samples in another way
    rounds: int
    warmup: int  # rounds before the clock counts
    batch: int | None  # images at once when throughput is measured; None: it is not measured
    seconds: float | None  # after which no round is begun but the first ones; None: no limit
    result: Path  # where the timings go


class Timings(Record):
    """All that a process measured: the same number of rounds of each model.

    ``batches`` says how many images a model took at once when its throughput was measured: fewer than asked where they
    would take more than a second.
    """

    latencies: dict[str, tuple[float, ...]]  # µs an image, one a round
    throughputs: dict[str, tuple[float, ...]]  # images a second, one every fourth round
    batches: dict[str, int]


def measure(job: Job) -> Timings:
    """Return the times of all models, taken round by round.

    The order in which they are loaded is drawn in each process, since it decides where they lie in memory, and
    the order in which they run in each round. No seed fixes it: an order that favours a model would favour it in
    each run.

    Args:
        job: the models, the samples, and how long to measure.
    """
    rng = np.random.default_rng()
    samples = {name: _read(job.own_inputs.get(name, job.inputs)) for name in job.models}
    latencies: dict[str, list[float]] = {name: [] for name in job.models}
    throughputs: dict[str, list[float]] = {name: [] for name in job.models}
    order = [str(name) for name in rng.permutation(list(job.models))]
    with undisturbed():
        single, batched = load({name: job.models[name] for name in order}, samples, job.batch)
        limit = float("inf") if job.seconds is None else job.seconds
        began = time.monotonic()
        for _ in range(job.warmup):
            if time.monotonic() - began > WARMUP_SHARE * limit:
                break
            place = _place(samples, rng)
            for name, runner in single.items():
                runner.time(samples[name][place : place + 1])
        for turn in range(job.rounds):
            if turn >= LEAST_ROUNDS and time.monotonic() - began > limit:
                break
            order = [str(name) for name in rng.permutation(order)]
            place = _place(samples, rng)
            for name in order:
                latencies[name].append(single[name].time(samples[name][place : place + 1]) / 1000)
            for name in order if batched and turn % THROUGHPUT_EVERY == 0 else ():
                throughputs[name].append(batched[name].samples_per_second(samples[name]))
    return Timings(
        latencies={name: tuple(taken) for name, taken in latencies.items()},
        throughputs={name: tuple(rates) for name, rates in throughputs.items() if rates},
        batches={name: runner.at_once * runner.runs for name, runner in batched.items()},
    )


def _read(files: Mapping[str, Path]) -> Inputs:
    return Inputs({name: np.load(file) for name, file in files.items()})


def _place(samples: Mapping[str, Inputs], rng: np.random.Generator) -> int:
    """Draw the place of a sample."""
    return int(rng.integers(len(next(iter(samples.values())))))


def load(
    models: Mapping[str, Path], samples: Mapping[str, Inputs], batch: int | None
) -> tuple[dict[str, Runner], dict[str, Runner]]:
    """Return the models, ready to be timed with one sample at a time, and those to be timed in batches.

    Args:
        models: paths by names; each is told before it is loaded, should it be the last.
        samples: that they are timed with.
        batch: samples at once; None: no model is timed in batches.
    """
    single, batched = {}, {}
    for name, path in models.items():
        print(name, flush=True)
        single[name] = Runner(path, 1)
        fastest = single[name].settle(samples[name][:1])
        if batch is not None:
            batched[name] = Runner(path, max(1, min(batch, int(LONGEST_BATCH / max(1, fastest)))))
            batched[name].settle(samples[name])
    return single, batched


if __name__ == "__main__":
    end_with_parent()
    try:
        job = read_record(Path(sys.argv[1]), Job)
        write_record(job.result, measure(job))
    except SlimlineError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
