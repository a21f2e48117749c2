"""Intervals for what models take, from the rounds of several processes.

A process gives one value: the median of its rounds. The values of processes are independent and of one
distribution, so their mean has Student's interval. A. Georges, D. Buytaert and L. Eeckhout have it for the means of
processes (Statistically rigorous Java performance evaluation, OOPSLA 2007), T. Kalibera and R. Jones for the highest
level at which a benchmark is repeated (Rigorous benchmarking in reasonable time, ISMM 2013). It is taken of
logarithms: what slows a process down multiplies its times, and a ratio has the same interval either way round.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tasks.records import Interval

Rounds = Sequence[Sequence[float]]  # a row for each process, a value for each of its rounds


def ratio(mine: Rounds, theirs: Rounds, confidence: float = 0.95) -> Interval:
    """Interval for the ratio of what two models take, or of what they give in a second.

    A process's value is the median of the ratios of its rounds: what slows down a round slows down both.

    Args:
        mine: the model's values, by process and round.
        theirs: the other model's values in the same rounds.
        confidence: of the two-sided interval.

    Returns:
        the geometric mean over the processes, with its bounds.

    Raises:
        ValueError: the rounds do not pair, or there are not two processes.
    """
    if [len(rounds) for rounds in mine] != [len(rounds) for rounds in theirs]:
        raise ValueError(f"Expected as many rounds of both. Received: {_shape(mine)} and {_shape(theirs)}.")
    return _student(
        [float(np.median(np.divide(one, other))) for one, other in zip(mine, theirs, strict=True)], confidence
    )


def typical(values: Rounds, confidence: float = 0.95) -> Interval:
    """Return the interval for what a model takes, or gives in a second: the geometric mean of the processes' medians.

    Args:
        values: for each process those of its rounds.
        confidence: two-sided.

    Raises:
        ValueError: there are not two processes.
    """
    return _student([float(np.median(rounds)) for rounds in values], confidence)


def _student(values: Sequence[float], confidence: float) -> Interval:
    if len(values) < 2:
        raise ValueError(f"Expected at least two processes. Received: {len(values)}.")
    logs: NDArray[np.float64] = np.log(values)
    mean, deviation = float(logs.mean()), float(logs.std(ddof=1))
    half = -float(stdtrit(len(values) - 1, (1 - confidence) / 2)) * deviation / len(values) ** 0.5
    return Interval(value=float(np.exp(mean)), low=float(np.exp(mean - half)), high=float(np.exp(mean + half)))


def _shape(values: Rounds) -> str:
    return "[" + ", ".join(str(len(rounds)) for rounds in values) + "]"
