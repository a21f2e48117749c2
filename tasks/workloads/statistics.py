"""Numbers of each sample by which it is seen that data drift: those of amounts, or a workload's own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tasks.samples import Specs, TensorSpec
from tasks.workloads import find_workload

AMOUNTS = ("uint8", "float32")  # whole numbers of other types are ids: their mean says nothing
COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Statistic:
    """A number of each sample: its bounds, and how it is computed of an input ``[n, *shape]``."""

    input: str
    low: float
    high: float
    compute: Callable[[NDArray[np.float64]], NDArray[np.float64]]


@runtime_checkable
class HasStatistics(Protocol):
    """A workload of whose samples other numbers tell than those of amounts."""

    def statistics(self, inputs: Specs) -> Mapping[str, Statistic]:
        """Return numbers of each sample, by their names.

        Args:
            inputs: of a sample.
        """


def statistics_for(workload: str, inputs: Specs) -> Mapping[str, Statistic]:
    """Return the statistics by which samples of a workload are told to drift, by their names.

    Args:
        workload: as ``data.workload`` names it; where it says nothing of them, they are those of amounts.
        inputs: of a sample.
    """
    found = find_workload(workload)
    return found.statistics(inputs) if isinstance(found, HasStatistics) else statistics_of(inputs)


def statistics_of(specs: Specs) -> dict[str, Statistic]:
    """Return the statistics of amounts: mean and contrast, and of colour images each colour's mean.

    Args:
        specs: of the inputs.
    """
    return {name: each for spec in specs if spec.dtype in AMOUNTS for name, each in _statistics(spec)}


def _statistics(spec: TensorSpec) -> Iterator[tuple[str, Statistic]]:
    if not spec.low < spec.high:
        return
    yield f"{spec.name} mean", Statistic(spec.name, spec.low, spec.high, _mean)
    if spec.shape:
        yield f"{spec.name} contrast", Statistic(spec.name, 0.0, (spec.high - spec.low) / 2, _contrast)
    if len(spec.shape) == 3 and spec.shape[2] == len(COLOURS):
        for number, colour in enumerate(COLOURS):
            yield f"{spec.name} {colour}", Statistic(spec.name, spec.low, spec.high, _channel(number))


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.reshape(len(values), -1).mean(axis=1), np.float64)


def _contrast(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard deviation, which is root mean square contrast (E. Peli, J. Opt. Soc. Am. A 7 (1990), 2032)."""
    return np.asarray(values.reshape(len(values), -1).std(axis=1), np.float64)


def _channel(number: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda values: _mean(values[..., number])
