"""A metric: one figure of a model's quality, with its direction, its formulas and the way it is written.

SciPy and the intervals are imported where they are used: devices load an outcome's metrics, too.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.records import Interval
from tasks.samples import Dataset
from tasks.verdicts import ScarceClass
from tasks.wording import number, percent, points, points_interval

Array = NDArray[Any]


@dataclass(frozen=True)
class Answers:
    """A model's answers to samples: outputs float32 ``[n, …]``; and the samples' targets ``[n]``."""

    outputs: NDArray[np.float32]
    targets: Array

    def __len__(self) -> int:
        return len(self.targets)


class Metric(ABC):
    """One figure of a model's quality: its names, its direction, its formulas, and how it is written.

    ``name``: in params.yaml and in records. ``label``: in tables. ``less_is_better``: of an error. ``least``
    and ``most``: what it may be. ``superlative``: what people call the candidate that is best by it.

    A figure from 0 to 1 is written as a percentage and its differences in points; another as a number with ``digits``
    and a ``unit`` behind it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    superlative: ClassVar[str] = ""
    less_is_better: ClassVar[bool] = False
    least: ClassVar[float] = 0.0
    most: ClassVar[float] = 1.0
    digits: ClassVar[int] = 2
    unit: ClassVar[str] = ""

    @abstractmethod
    def value(self, answers: Answers) -> float:
        """Return the figure of one model.

        Args:
            answers: of one model, with the targets.
        """

    @abstractmethod
    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return the figure of one model with its two-sided interval.

        Args:
            answers: of one model, with the targets.
            confidence: of the two-sided interval.
        """

    def bounds(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval by which a floor or ceiling is decided: as :meth:`interval`, unless a surer one is known.

        Args:
            answers: of one model, with the targets.
            confidence: of the two-sided interval.
        """
        return self.interval(answers, confidence)

    @abstractmethod
    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return mine − theirs on the same samples, with its two-sided interval.

        Args:
            mine: a model's answers.
            theirs: another one's to the same samples.
            confidence: of the two-sided interval.
        """

    def closest_difference(self, samples: int, confidence: float) -> Interval | None:  # noqa: ARG002
        """Return the narrowest difference that so many samples can show: of two models that answer alike.

        Args:
            samples: how many.
            confidence: of the two-sided interval.

        Returns:
            None where it cannot be known without the answers.
        """
        return None

    def best_bounds(self, samples: int, confidence: float) -> Interval | None:  # noqa: ARG002
        """Return the :meth:`bounds` of a model whose answers to so many samples are all right.

        Args:
            samples: how many.
            confidence: of the two-sided interval.

        Returns:
            None where they cannot be known without the answers.
        """
        return None

    @abstractmethod
    def constant(self, answers: Answers) -> float:
        """Return the best figure that an answer reaches which is the same for all these samples.

        Args:
            answers: whose targets count.
        """

    def blind(self, answers: Answers) -> float:
        """Return the best figure that is expected of answers which do not depend on the sample, random ones among them.

        No guess is better than the best constant where a figure is a mean over samples: a guess mixes constants, and a
        mean of such figures is at most the largest. A metric of another kind, as a macro average, says what guessing
        reaches.

        Args:
            answers: whose targets count.
        """
        return self.constant(answers)

    def find_scarce(
        self,
        answers: Answers,  # noqa: ARG002
        dataset: Dataset,  # noqa: ARG002
        allowed: float,  # noqa: ARG002
        confidence: float,  # noqa: ARG002
    ) -> tuple[ScarceClass, ...]:
        """Return the parts of the samples that are too few for a rule to pass; none where a figure has no parts.

        Args:
            answers: the candidate's.
            dataset: what was prepared.
            allowed: the margin of a difference, or the estimate's distance to its limit.
            confidence: of the rule.
        """
        return ()

    def explain_scarce(self, scarce: Sequence[ScarceClass]) -> str:
        """Return a sentence about them with a space before it, or nothing.

        Args:
            scarce: as :meth:`find_scarce` gives them.
        """
        named = ", ".join(f"{one.name} has {one.samples:,} and needs {one.needed:,}" for one in scarce)
        return f" There are too few samples: {named}." if scarce else ""

    def counted(self, answers: Answers, split: str) -> str:
        """Return how many samples a figure is of, within a sentence.

        Args:
            answers: of a model.
            split: whose samples.
        """
        return f"{len(answers):,} {split} samples"

    @property
    def noun(self) -> str:
        """The name within a sentence."""
        return self.name.replace("_", " ")

    @property
    def best(self) -> str:
        """Return what the candidate is called that is best by it."""
        return self.superlative or f"best by {self.noun}"

    @property
    def sign(self) -> int:
        """1 where more is better, −1 where less is."""
        return -1 if self.less_is_better else 1

    @property
    def is_fraction(self) -> bool:
        """True if it is written as a percentage."""
        return (self.least, self.most) == (0, 1)

    def shown(self, value: float) -> str:
        """Return a figure as people read it, with its unit.

        Args:
            value: the figure.
        """
        if self.is_fraction:
            return percent(value, self.digits)
        return f"{number(value, self.digits)}{f' {self.unit}' if self.unit else ''}"

    def shown_difference(self, value: float) -> str:
        """Return a difference without its unit, for tables.

        Args:
            value: the difference.
        """
        return points(value, self.digits) if self.is_fraction else number(value, self.digits, sign=True)

    def shown_bounds(self, interval: Interval) -> str:
        """Return the bounds of a difference without their unit.

        Args:
            interval: of the difference.
        """
        if self.is_fraction:
            return points_interval(interval, self.digits)
        return f"{self.shown_difference(interval.low)} … {self.shown_difference(interval.high)}"

    def apart(self, value: float) -> str:
        """Return a difference with its unit.

        Args:
            value: the difference.
        """
        return (
            f"{self.shown_difference(value)}{' points' if self.is_fraction else f' {self.unit}' if self.unit else ''}"
        )

    def margin(self, value: float) -> str:
        """Return the size of a difference with its unit.

        Args:
            value: the difference.
        """
        return f"{number(100 * value, self.digits)} points" if self.is_fraction else self.shown(value)

    def clause(self, value: float) -> str:
        """Return what a model's figure is, as a clause whose subject is ``it``.

        Args:
            value: the figure.
        """
        return f"its {self.noun} is {self.shown(value)}"

    def brief(self, value: float) -> str:
        """Return what a model's figure is in a few words.

        Args:
            value: the figure.
        """
        return f"a {self.noun} of {self.shown(value)}"
