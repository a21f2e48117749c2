"""A LiteRT model whose runs are timed, in this process."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from tasks.arrays import Array
from tasks.litert import LiteRTModel
from tasks.samples import Inputs

SHORTEST = 50_000  # nanoseconds that a timing should take
LONG = 50_000_000  # nanoseconds of a run beside which filling the caches does not show
TRIES = 3  # timings that say how many runs the next ones need


class Runner:
    """A model ready to be timed, in batches of a size that it was allocated for.

    A model with a fixed batch size runs as often as a batch needs.
    """

    def __init__(self, path: Path, batch: int) -> None:
        self.model = LiteRTModel(path)
        self.at_once = batch
        try:
            self.model.resize(batch)
            self.model.invoke()
        except (RuntimeError, ValueError):
            self.model, self.at_once = LiteRTModel(path), 1
        if len(self.model.scores()) != self.at_once:
            self.model, self.at_once = LiteRTModel(path), 1
        self.runs = batch // self.at_once
        self.repeats = 1
        self.fills_caches = True

    def settle(self, samples: Inputs | Array) -> float:
        """Return the nanoseconds of the fastest run, and find out how many runs a timing needs.

        Args:
            samples: at least as many as the model takes at once.
        """
        self.repeats, fastest = 1, float("inf")
        for _ in range(TRIES):
            fastest = min(fastest, self.time(samples))
            self.fills_caches = fastest * self.runs < LONG
            if not self.fills_caches:
                break
        self.repeats = ceil(SHORTEST / max(1, fastest * self.runs))
        return fastest

    def time(self, samples: Inputs | Array) -> float:
        """Return the nanoseconds of one run: the mean over a timing's runs.

        Args:
            samples: at least as many as the model takes at once.
        """
        self.model.set_inputs(self.model.fit(samples[: self.at_once]))
        invoke, times = self.model.invoke, range(self.repeats * self.runs)
        if self.fills_caches:
            invoke()
        start = time.perf_counter_ns()
        for _ in times:
            invoke()
        return (time.perf_counter_ns() - start) / len(times)

    def samples_per_second(self, samples: Inputs | Array) -> float:
        """Return how many samples go through in a second.

        Args:
            samples: at least as many as the model takes at once.
        """
        return self.at_once * 1e9 / self.time(samples)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Yield, and keep Python's garbage collector out of the timings."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
