"""Find the widest network whose measured latency is within the limit.

Each trial has a budget in MACs, smaller by a fixed factor than the one before. The measured time decides whether that
budget is taken and nothing else: its MACs alone give the same network on any machine. A network counts as fast enough
only if the upper end of a 99 % interval is, taken as in the gate (:mod:`tasks.timing.intervals`). Repeated on the same
machine, the choice differs only where a network lies on the edge.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasModel
from tasks.compression.channels.allocation import Allocator, cost
from tasks.compression.channels.criteria.probe import Probe
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.removal import Removal, remove_channels
from tasks.compression.quantization.modes import configurations
from tasks.compression.records import LatencyTrial
from tasks.errors import Unsuited
from tasks.learning.conversion import to_tflite
from tasks.learning.feeding import specs_of
from tasks.records import Interval
from tasks.samples import Inputs, Specs, as_inputs, read_batches
from tasks.timing.intervals import ratio, typical
from tasks.timing.measuring import Plan, time_models
from tasks.timing.worker import Timings

FACTOR = 0.93  # from one budget of MACs to the next
PLAN = Plan(processes=5, rounds=25, warmup=5, seconds=60)  # interleaved timings of both networks
TRIES = 3  # times that as many processes are added while the interval holds the limit
CONFIDENCE = 0.99
UNPRUNED, PRUNED = "unpruned", "pruned"
SAMPLES = 64
CALIBRATION = 8  # samples; ranges do not matter for the time
TimedAs = Literal["float32", "int8"]


def falling_budgets(own: float, least: float) -> list[int]:
    """List budgets in MACs from what the network has to the least it can have.

    Args:
        own: MACs of the network.
        least: of the narrowest network that may be made of it.

    Returns:
        MACs, the last of them ``least``.
    """
    steps = int(np.floor(np.log(least / own) / np.log(FACTOR))) if least < own else 0
    budgets = [int(own * FACTOR**step) for step in range(steps + 1)]
    return budgets if budgets[-1] == int(least) else [*budgets, int(least)]


def widest(count: int, fits: Callable[[int], bool]) -> int | None:
    """Find the first budget that fits, by bisection: what is narrower than one that fits, fits too.

    Args:
        count: of budgets, the largest first.
        fits: whether the network of a budget is fast enough, by its number.

    Returns:
        its number; None where none fits.
    """
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low if low < count else None


@dataclass(frozen=True)
class Limit:
    """The most time that a network may take: a fraction of the unpruned one's, or µs a sample.

    ``timed_as``: the type of weights and activations that the pruned one is timed with; the unpruned one has float32.
    """

    value: float
    relative: bool
    timed_as: TimedAs = "float32"

    def seen(self, processes: Sequence[Timings]) -> Interval:
        """Return what is limited, with its interval.

        Args:
            processes: what each measured.
        """
        pruned = [timings.latencies[PRUNED] for timings in processes]
        if not self.relative:
            return typical(pruned, CONFIDENCE)
        return ratio(pruned, [timings.latencies[UNPRUNED] for timings in processes], CONFIDENCE)

    def undecided(self, processes: Sequence[Timings]) -> bool:
        """Return whether the limit lies within the interval.

        Args:
            processes: what each measured.
        """
        seen = self.seen(processes)
        return seen.low <= self.value < seen.high


def remove_to_latency(
    model: KerasModel, removal: Removal, limit: Limit, probe: Probe
) -> tuple[KerasModel, tuple[str, ...], tuple[LatencyTrial, ...]]:
    """Return the widest network that is fast enough, the groups that the criterion cannot judge, and what was timed.

    If this was timed earlier, as ``probe.context`` knows, the budget of then is taken.

    Args:
        model: the network; stays as it is.
        removal: what may be removed, by which criterion.
        limit: of the measured time.
        probe: gives samples.

    Raises:
        Unsuited: not even the narrowest is fast enough.
    """
    timed = tuple(probe.context.timed)
    if fitting := [trial for trial in timed if trial.fits]:
        taken = fitting[-1]
        probe.context.say(f"at most {taken.macs:,} MACs, as was timed earlier")
        return *remove_channels(model, replace(removal, budget=float(taken.macs)), probe), timed
    graph = read_graph(model)
    narrowest = Allocator(graph, np.zeros(graph.count), removal.limits, removal.allocation).least()
    budgets = falling_budgets(cost(graph, graph.everything(), "macs"), cost(graph, narrowest, "macs"))
    specs = probe.context.specs(model)
    samples, unpruned = (
        next(read_batches("validation", SAMPLES, probe.context.prepared))[0],
        to_tflite(model, specs=specs),
    )
    made: dict[int, tuple[KerasModel, tuple[str, ...]]] = {}
    trials: list[LatencyTrial] = []

    def fits(index: int) -> bool:
        made[index] = remove_channels(model, replace(removal, budget=float(budgets[index])), probe)
        pruned = as_timed(made[index][0], limit.timed_as, samples, specs)
        trial = time_trial(unpruned, pruned, budgets[index], limit, samples)
        probe.context.say(
            f"at most {trial.macs:,} MACs: {trial.microseconds:.1f} µs a sample, {trial.ratio:.2f} of what it was, "
            f"{'fits' if trial.fits else 'does not fit'}"
        )
        trials.append(trial)
        return trial.fits

    chosen = widest(len(budgets), fits)
    if chosen is None:
        fastest = trials[-1]
        raise Unsuited(
            f"Expected a latency that the network can have: at its narrowest it takes {fastest.microseconds:.1f} µs a "
            f"sample, {fastest.ratio:.2f} of what it took. Received: {limit.value}{'' if limit.relative else ' µs'}. "
            f"Raise the budget, or lower `minimum` or `multiple_of`."
        )
    return *made[chosen], tuple(trials)


def as_timed(model: KerasModel, timed_as: TimedAs, samples: Inputs | Array, specs: Specs | None = None) -> bytes:
    """Return the file of a network whose time is to be measured.

    Args:
        model: the network.
        timed_as: the types of the file.
        samples: give an 8-bit file its ranges.
        specs: of the inputs; None: as far as the network alone tells.
    """
    specs = specs or specs_of(model)
    if timed_as == "float32":
        return to_tflite(model, specs=specs)
    few = as_inputs(samples, specs[0].name)[:CALIBRATION]
    return to_tflite(model, configurations(lambda: iter(few))["int8"], True, specs)


def time_trial(unpruned: bytes, pruned: bytes, macs: int, limit: Limit, samples: Inputs | Array) -> LatencyTrial:
    """Time both at one thread, taking turns, until it is clear whether the pruned one fits.

    Args:
        unpruned: LiteRT model of the network as it is.
        pruned: that of the pruned one.
        macs: its budget.
        limit: of the pruned network's time.
        samples: what both are asked.

    Returns:
        what was measured, and whether the pruned network fits.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.tflite" for name in (UNPRUNED, PRUNED)}
        paths[UNPRUNED].write_bytes(unpruned)
        paths[PRUNED].write_bytes(pruned)
        processes = time_models(paths, samples, PLAN)
        for _ in range(TRIES):
            if not limit.undecided(processes):
                break
            processes += time_models(paths, samples, PLAN)
    times = {name: [timings.latencies[name] for timings in processes] for name in paths}
    upper = limit.seen(processes).high
    return LatencyTrial(
        macs=macs,
        microseconds=round(typical(times[PRUNED], CONFIDENCE).value, 2),
        ratio=round(ratio(times[PRUNED], times[UNPRUNED], CONFIDENCE).value, 4),
        upper=round(upper, 4),
        fits=upper <= limit.value,
    )
