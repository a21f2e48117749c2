"""Measures of predicted numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.records import Record
from tasks.samples import Dataset
from tasks.wording import number
from tasks.workloads.measuring import MOST_NAMED, ConstantAnswer, OutcomeMeasuring, Prediction
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.numbers.metrics import (
    DISTANCES,
    KEPT,
    METRICS,
    SQUARE_SUM,
    SQUARES,
    SUM,
    Rmse,
    half_width,
)
from tasks.workloads.outcomes.numbers.targets import taken_apart

COLUMNS = SQUARE_SUM + 1


class NumbersPrediction(Prediction):
    """The answer to one question: items and their numbers, the largest first."""

    items: dict[str, float]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the items with their numbers."""
        return (", ".join(f"{name} {number(value, 2)}" for name, value in self.items.items()),)

    def first(self, count: int) -> "NumbersPrediction":
        """Return the answer with its first items alone."""
        return self.model_copy(update={"items": dict(list(self.items.items())[:count])})


class NumbersDetails(Record):
    """Facts that are kept beside the metrics.

    ``bias``: by how much predictions are too large in the mean. ``mean`` and ``spread`` (standard deviation) are of
    what was to be predicted, ``items`` how many that were.
    """

    bias: float
    mean: float
    spread: float
    items: int


class NumbersMeasuring(OutcomeMeasuring):
    """Root mean squared and mean absolute error."""

    metrics = METRICS
    answer = "the first number is that of an item that is not known, the others those of the items, in the order of ids"
    output = "number"

    def reduced(self, outputs: NDArray[np.float32], targets: Array, dataset: Dataset | None = None) -> Answers:  # noqa: ARG002
        """Return sums over the items of each sample in the place of all numbers.

        Args:
            outputs: ``[n, 1 + items]``.
            targets: ``[n, 2 · room]``.
            dataset: does not count.
        """
        places, values, there = taken_apart(targets)
        places = np.where(places < outputs.shape[1], places, 0)  # a release that knows fewer items
        errors = np.where(there, np.take_along_axis(outputs.astype(np.float64), places, axis=1) - values, 0.0)
        known = np.where(there, values, 0.0)
        counts = there.sum(axis=1, dtype=np.float64)
        made = [counts, (errors**2).sum(axis=1), np.abs(errors).sum(axis=1), errors.sum(axis=1)]
        kept = np.full((len(targets), KEPT), np.nan)
        few = np.where(there, values, np.nan)[:, :KEPT]
        kept[:, : few.shape[1]] = few
        told = np.concatenate(
            [np.stack([counts, counts, counts, known.sum(axis=1), (known**2).sum(axis=1)], axis=1), kept], axis=1
        )
        return Answers(np.stack(made, axis=1).astype(np.float32), told.astype(np.float32))

    def details(self, answers: Answers, baseline: Answers | None, dataset: Dataset) -> dict[str, Any]:  # noqa: ARG002
        """Return :class:`NumbersDetails`."""
        total = max(1.0, float(answers.outputs[:, 0].sum(dtype=np.float64)))
        found = NumbersDetails(
            bias=float(answers.outputs[:, SUM].sum(dtype=np.float64) / total),
            mean=float(answers.targets[:, SUM].sum(dtype=np.float64) / total),
            spread=Rmse().constant(answers),
            items=int(total),
        )
        return found.model_dump(mode="json")

    def constants(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:  # noqa: ARG002
        """Give the mean of what is to be predicted."""
        counts = answers.outputs[:, 0].astype(np.float64)
        sums, squares = (answers.targets[:, column].astype(np.float64) for column in (SUM, SQUARE_SUM))
        mean = float(sums.sum() / max(1.0, counts.sum()))
        made = answers.outputs.copy()
        made[:, SQUARES] = squares - 2 * mean * sums + mean**2 * counts
        kept = answers.targets[:, COLUMNS:].astype(np.float64)
        there = np.isfinite(kept)
        distances = np.abs(np.where(there, kept - mean, 0.0)).sum(axis=1) / np.maximum(1, there.sum(axis=1))
        made[:, DISTANCES] = distances * counts
        yield ConstantAnswer(number(mean, 2), Answers(made, answers.targets))

    def smallest_margin(self, mine: Answers, theirs: Answers, samples: int, confidence: float) -> float:
        """Return it for as many samples whose errors differ as those of these samples do."""
        parts = Rmse().parts(mine) - Rmse().parts(theirs)
        return half_width(np.resize(parts, max(2, samples)), confidence)

    def predict(self, file: str, output: NDArray[np.float32], labels: Sequence[str]) -> NumbersPrediction:
        """Return the items with the largest numbers; those of no finite number are not named."""
        usable = int(np.isfinite(output).sum())
        order = np.argsort(-np.asarray(output, np.float64), kind="stable")[: min(MOST_NAMED, usable)]
        items = {labels[place]: float(output[place]) for place in order.tolist()}
        return NumbersPrediction(file=file, label=next(iter(items), ""), items=items)

    def describe_task(self, sample: str, dataset: Dataset) -> str:
        """Say how many items numbers are predicted of."""
        return f"To predict for {sample} how {int(dataset.target.high) - 1:,} items would be rated."

    def describe_limits(self, details: Mapping[str, Any], things: str) -> Iterator[str]:
        """Say how the mean would do, and whether predictions lean."""
        found = NumbersDetails.model_validate(details)
        yield (
            f"The mean, {number(found.mean, 2)} for each of {found.items:,} ratings of the validation {things}, has "
            f"an RMSE of {number(found.spread, 4)}."
        )
        yield f"Predictions are {number(abs(found.bias), 3)} too {'large' if found.bias > 0 else 'small'} in the mean."
