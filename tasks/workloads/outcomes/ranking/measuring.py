"""Measures of a ranking."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.records import Record
from tasks.samples import Dataset
from tasks.wording import number, percent
from tasks.workloads.measuring import MOST_NAMED, ConstantAnswer, ExtraColumn, OutcomeMeasuring, Prediction
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.ranking.metrics import METRICS, Ndcg
from tasks.workloads.outcomes.ranking.ranks import CUTOFF, FIGURES, NEGATIVES, figures_of, popularity
from tasks.workloads.outcomes.ranking.references import NAMES, known_of, references

WIDTH = len(FIGURES) + CUTOFF  # numbers that are kept of a sample
PROTOCOL = (
    f"The items to be found are ranked among all items that a user does not have; the first {CUTOFF} count. "
    f"Figures of 100 rank each among {NEGATIVES} drawn at random instead, and are not to be compared with the others."
)


class RankingPrediction(Prediction):
    """The answer to one history: the items with the largest scores, by their ids, the best first."""

    items: dict[str, float]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the ids."""
        return (", ".join(self.items),)

    def first(self, count: int) -> "RankingPrediction":
        """Return the answer with its first items alone."""
        return self.model_copy(update={"items": dict(list(self.items.items())[:count])})


class RankingDetails(Record):
    """Facts that are kept of a ranking beside its metrics.

    ``protocol``: how it was measured. ``coverage``: fraction of the items that are among the first ten of any sample.
    ``popular``: mean of the rows of these items, as a fraction of all items: 0 where only the most frequent is named.
    ``popularity`` and ``references``: what naming the most frequent items reaches, and models of another kind.
    """

    protocol: str
    coverage: float
    popular: float
    popularity: dict[str, float]
    references: dict[str, dict[str, float]]


class RankingMeasuring(OutcomeMeasuring):
    """NDCG, hit rate and recall of the first ten."""

    metrics = METRICS
    answer = "one score an item, in the order of its ids; those with the largest scores are named"
    output = "score"

    def reduced(self, outputs: NDArray[np.float32], targets: Array, dataset: Dataset | None = None) -> Answers:
        """Return the figures of samples in place of their scores, and of their targets those that others reach.

        Args:
            outputs: scores ``[n, items]``.
            targets: ``[n, room]``.
            dataset: what was prepared; None: there are no references.
        """
        items = outputs.shape[1]
        others = [popularity(items, targets)]
        if dataset is not None and items == int(
            dataset.target.high
        ):  # a release that knows other items is beside its own figures alone
            others += [figures_of(scores, targets) for scores in references().scores(known_of(targets, items))]
        known = np.concatenate([*others, np.full((len(targets), 1), items, np.float32)], axis=1)
        return Answers(figures_of(outputs, targets), known)

    def references(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:  # noqa: ARG002
        """Give iALS, and EASE where there are not too many items."""
        for name, start in zip(NAMES, range(WIDTH, answers.targets.shape[1] - 1, WIDTH), strict=False):
            yield ConstantAnswer(name, Answers(answers.targets[:, start : start + WIDTH], answers.targets))

    def details(self, answers: Answers, baseline: Answers | None, dataset: Dataset) -> dict[str, Any]:  # noqa: ARG002
        """Return :class:`RankingDetails`."""
        items, named = int(answers.targets[0, -1]), answers.outputs[:, len(FIGURES) :]
        rows = named[named > 0]
        found = RankingDetails(
            protocol=PROTOCOL,
            coverage=len(np.unique(rows)) / items,
            popular=float((rows - 1).mean() / max(1, items - 1)) if rows.size else 0.0,
            popularity={metric.name: metric.constant(answers) for metric in self.metrics},
            references={beside.name: self.measure(beside.answers) for beside in self.references(answers, dataset)},
        )
        return found.model_dump(mode="json")

    def constants(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:  # noqa: ARG002
        """Give the most frequent items of the training, in that order."""
        yield ConstantAnswer("the most frequent items", Answers(answers.targets[:, :WIDTH], answers.targets))

    def smallest_margin(self, mine: Answers, theirs: Answers, samples: int, confidence: float) -> float:
        """Return it for as many samples whose figures differ as those of these samples do."""
        from tasks.statistics import paired_mean

        differences = Ndcg().each(mine) - Ndcg().each(theirs)
        spread = float(np.sqrt(np.mean(np.square(differences))))
        drawn = np.resize([spread, -spread], samples) if samples > 1 else np.zeros(samples)
        return -paired_mean(drawn, confidence).low

    def predict(self, file: str, output: NDArray[np.float32], labels: Sequence[str]) -> RankingPrediction:
        """Return the items with the largest scores; those of no finite score are not named."""
        usable = int(np.isfinite(output).sum())
        order = np.argsort(-np.asarray(output, np.float64), kind="stable")[: min(MOST_NAMED, usable)]
        items = {labels[place]: float(output[place]) for place in order.tolist()}
        return RankingPrediction(file=file, label=next(iter(items), ""), items=items)

    def describe_task(self, sample: str, dataset: Dataset) -> str:
        """Say how many items are ranked."""
        return f"To rank {int(dataset.target.high):,} items for {sample}. {PROTOCOL}"

    def extra_columns(self, details: Mapping[str, Any]) -> tuple[ExtraColumn, ...]:
        """Give the coverage and how popular is what is named."""
        found = RankingDetails.model_validate(details)
        return (
            ExtraColumn("Coverage", "items among the first ten of anybody", percent(found.coverage)),
            ExtraColumn("Popularity", "mean place of what is named, 0: the most frequent", number(found.popular, 3)),
        )

    def describe_limits(self, details: Mapping[str, Any], things: str) -> Iterator[str]:
        """Say what popularity reaches, and what is never named."""
        found = RankingDetails.model_validate(details)
        yield (
            f"The most frequent items, named to everybody, reach {percent(found.popularity[self.main.name])} "
            f"{self.main.label} on validation."
        )
        for name, reached in found.references.items():
            yield f"{name} reaches {percent(reached[self.main.name])} {self.main.label} there."
        yield f"{1 - found.coverage:.2%} of the items are among the first {CUTOFF} of none of the validation {things}."
