"""A budget in measured time: of a ladder of narrower networks the widest that is fast enough.

Each rung is a budget in MACs, by a fixed factor less than the one before: what is measured decides about the rung and
nothing else, and the rung's MACs alone give the same network on any machine. A rung counts as fast enough only if the
upper end of a 99 % interval is, taken as in the gate (:mod:`tasks.timing.intervals`): repeated on the same machine, the
choice differs only where a rung lies on the edge.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tasks.compression.channels.allocation import Allocator, cost
from tasks.compression.channels.criteria.probe import Probe
from tasks.compression.channels.graph import read_graph
from tasks.compression.channels.removal import Removal, remove_channels
from tasks.compression.quantization.modes import configurations
from tasks.compression.records import Rung
from tasks.compression.technique import Model
from tasks.errors import Unsuited
from tasks.learning.conversion import to_tflite
from tasks.litert import Pixels
from tasks.records import Interval
from tasks.samples import read_batches
from tasks.timing.intervals import ratio, typical
from tasks.timing.measuring import Plan, time_models
from tasks.timing.worker import Timings

FACTOR = 0.93  # from one rung's MACs to the next one's
PLAN = Plan(processes=5, rounds=25, warmup=5, seconds=60)  # interleaved timings of both networks
TRIES = 3  # times that as many processes are added while the interval holds the limit
CONFIDENCE = 0.99
UNPRUNED, PRUNED = "unpruned", "pruned"
IMAGES = 64
CALIBRATION = 8  # images; ranges do not matter for the time
TimedAs = Literal["float32", "int8"]


def ladder(own: float, least: float) -> list[int]:
    """Budgets in MACs from what the network has to the least it can have."""
    rungs = int(np.floor(np.log(least / own) / np.log(FACTOR))) if least < own else 0
    budgets = [int(own * FACTOR**rung) for rung in range(rungs + 1)]
    return budgets if budgets[-1] == int(least) else [*budgets, int(least)]


def widest(count: int, fits: Callable[[int], bool]) -> int | None:
    """The first of the rungs that fits, by bisection: what is narrower than one that fits, fits too."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low if low < count else None


@dataclass(frozen=True)
class Limit:
    """What a network may take: a fraction of the unpruned one's time, or µs an image.

    ``timed_as``: the type of weights and activations that the pruned one is timed with; the unpruned one has float32.
    """

    value: float
    relative: bool
    timed_as: TimedAs = "float32"

    def seen(self, processes: Sequence[Timings]) -> Interval:
        """Interval of what is limited."""
        pruned = [timings.latencies[PRUNED] for timings in processes]
        if not self.relative:
            return typical(pruned, CONFIDENCE)
        return ratio(pruned, [timings.latencies[UNPRUNED] for timings in processes], CONFIDENCE)

    def undecided(self, processes: Sequence[Timings]) -> bool:
        """Does the interval hold the limit?"""
        seen = self.seen(processes)
        return seen.low <= self.value < seen.high


def remove_to_latency(
    model: Model, removal: Removal, limit: Limit, probe: Probe
) -> tuple[Model, tuple[str, ...], tuple[Rung, ...]]:
    """The widest rung that is fast enough, the groups that the criterion cannot judge, and what was timed.

    If this was timed earlier, as ``probe.context`` knows, the rung of then is taken.

    Raises:
        Unsuited: not even the narrowest is fast enough.
    """
    timed = tuple(probe.context.timed)
    if fitting := [rung for rung in timed if rung.fits]:
        taken = fitting[-1]
        probe.context.say(f"at most {taken.macs:,} MACs, as was timed earlier")
        return *remove_channels(model, replace(removal, budget=float(taken.macs)), probe), timed
    graph = read_graph(model)
    narrowest = Allocator(graph, np.zeros(graph.count), removal.limits, removal.allocation).least()
    budgets = ladder(cost(graph, graph.everything(), "macs"), cost(graph, narrowest, "macs"))
    images, unpruned = next(read_batches("validation", IMAGES, probe.context.prepared))[0], to_tflite(model)
    made: dict[int, tuple[Model, tuple[str, ...]]] = {}
    rungs: list[Rung] = []

    def fits(index: int) -> bool:
        made[index] = remove_channels(model, replace(removal, budget=float(budgets[index])), probe)
        rung = time_rung(unpruned, as_timed(made[index][0], limit.timed_as, images), budgets[index], limit, images)
        probe.context.say(
            f"at most {rung.macs:,} MACs: {rung.microseconds:.1f} µs an image, {rung.ratio:.2f} of what it was, "
            f"{'fits' if rung.fits else 'does not fit'}"
        )
        rungs.append(rung)
        return rung.fits

    chosen = widest(len(budgets), fits)
    if chosen is None:
        fastest = rungs[-1]
        raise Unsuited(
            f"Expected a latency that the network can have: at its narrowest it takes {fastest.microseconds:.1f} µs an "
            f"image, {fastest.ratio:.2f} of what it took. Received: {limit.value}{'' if limit.relative else ' µs'}. "
            f"Raise the budget, or lower `minimum` or `multiple_of`."
        )
    return *made[chosen], tuple(rungs)


def as_timed(model: Model, timed_as: TimedAs, images: Pixels) -> bytes:
    """The file of a network whose time is to be measured; ``images`` give an 8-bit one its ranges."""
    if timed_as == "float32":
        return to_tflite(model)
    samples = images[:CALIBRATION, np.newaxis].astype(np.float32)
    return to_tflite(model, configurations(lambda: ([sample] for sample in samples))["int8"], float_input=True)


def time_rung(unpruned: bytes, pruned: bytes, macs: int, limit: Limit, images: Pixels) -> Rung:
    """Time both at one thread, taking turns, until it is clear whether the pruned one fits.

    Args:
        unpruned: LiteRT model of the network as it is.
        pruned: that of the rung.
        macs: the rung's budget.
        limit: of the pruned network's time.
        images: uint8 ``[n, height, width, channels]``.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.tflite" for name in (UNPRUNED, PRUNED)}
        paths[UNPRUNED].write_bytes(unpruned)
        paths[PRUNED].write_bytes(pruned)
        processes = time_models(paths, images, PLAN)
        for _ in range(TRIES):
            if not limit.undecided(processes):
                break
            processes += time_models(paths, images, PLAN)
    times = {name: [timings.latencies[name] for timings in processes] for name in paths}
    upper = limit.seen(processes).high
    return Rung(
        macs=macs,
        microseconds=round(typical(times[PRUNED], CONFIDENCE).value, 2),
        ratio=round(ratio(times[PRUNED], times[UNPRUNED], CONFIDENCE).value, 4),
        upper=round(upper, 4),
        fits=upper <= limit.value,
    )
