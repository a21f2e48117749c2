"""Measures of classes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.gate_settings import AgreementRule, NegativeFlipsRule, QualityRule, Rule
from tasks.records import Interval
from tasks.samples import Dataset
from tasks.text import markdown_code
from tasks.verdicts import Judgement, RuleVerdict, level
from tasks.wording import percent, points, points_interval
from tasks.workloads.measuring import ConstantAnswer, ExtraColumn, OutcomeMeasuring, Pair, Prediction, closest_constant
from tasks.workloads.metric import Answers, Metric
from tasks.workloads.outcomes.classes.answers import always, right, top
from tasks.workloads.outcomes.classes.details import ClassesDetails, measure_details
from tasks.workloads.outcomes.classes.metrics import METRICS
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tasks.workloads.protocol import OutcomeSettings


class ClassPrediction(Prediction):
    """The answer for one file; ``scores`` are softmax of the model's logits and sum up to 1."""

    score: float
    scores: dict[str, float]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the class and its score."""
        return self.label, f"{self.score:.4f}"


class ClassesMeasuring(OutcomeMeasuring):
    """Accuracy and macro averages, and rules about single samples and single classes."""

    metrics = METRICS
    rules = frozenset({"agreement", "negative_flips"})
    answer = "one logit a class, in the order of labels.json; softmax makes scores of them"
    settling = "offsets in the order of labels.json, added to the logits before anything else is made of them"
    output = "logit"
    per_class = ("recall",)
    of_class = ("precision", "recall", "f1")
    blocks = "tasks.workloads.outcomes.classes.blocks:blocks"
    exhibits = "tasks.workloads.outcomes.classes.exhibits:exhibits"

    def metric_of(self, rule: QualityRule, dataset: Dataset) -> Metric:
        """Return the metric, or its figure of one class."""
        from tasks.workloads.outcomes.classes.single_class import metric_of_class

        average = self.metric(rule.metric)
        return average if rule.of is None else metric_of_class(average, rule.of, dataset)

    def details(self, answers: Answers, baseline: Answers | None, dataset: Dataset) -> dict[str, Any]:
        """Return :class:`ClassesDetails`."""
        return measure_details(answers, baseline, dataset.classes).model_dump(mode="json")

    def settle(self, answers: Answers, settings: OutcomeSettings) -> tuple[float, ...]:
        """Choose thresholds of the classes; see :mod:`tasks.workloads.outcomes.classes.thresholds`."""
        from tasks.workloads.outcomes.classes.thresholds import choose_offsets

        if not isinstance(settings, ClassesSettings) or settings.thresholds == "none":
            return ()
        found = choose_offsets(answers.outputs, answers.targets, settings.thresholds)
        return found if any(found) else ()

    def settled(self, outputs: NDArray[np.float32], numbers: Sequence[float]) -> NDArray[np.float32]:
        """Return logits to which the offsets of the classes are added."""
        return outputs + np.array(numbers, np.float32) if numbers else outputs

    def constants(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:
        """Give the most frequent class of the training split, and that of these samples."""
        classes, trained = dataset.classes, dataset.splits["train"].per_class
        frequent = max(range(len(classes)), key=lambda index: trained.get(classes[index], 0))
        here = int(np.bincount(answers.targets, minlength=len(classes)).argmax())
        for index in dict.fromkeys((frequent, here)):
            yield ConstantAnswer(classes[index], always(index, answers))

    def smallest_margin(self, mine: Answers, theirs: Answers, samples: int, confidence: float) -> float:
        """Return it for as many samples for which exactly one of the two is right as there were."""
        from tasks.statistics import smallest_margin

        discordance = float(np.mean(right(mine) != right(theirs)))
        return smallest_margin(samples, discordance * samples, confidence)

    def judge(self, rule: Rule, pair: Pair) -> RuleVerdict:
        """Judge recall class by class, negative flips or agreement."""
        from tasks.workloads.outcomes.classes import class_recall, rules

        match rule:
            case QualityRule(per_class=True):
                return class_recall.judge_classes(rule, pair)
            case NegativeFlipsRule():
                return rules.judge_negative_flips(rule, pair)
            case AgreementRule():
                return rules.judge_agreement(rule, pair)
        return super().judge(rule, pair)

    def beside_constant(
        self, who: str, answers: Answers, dataset: Dataset, confidence: float, split: str
    ) -> tuple[Judgement, Interval, str]:
        """Compare a model with the most frequent class; one that answers but one class has learnt nothing."""
        seen, beside = closest_constant(self, answers, dataset, confidence)
        said, is_right = top(answers), right(answers)
        is_constant = len(np.unique(said)) == 1
        judgement: Judgement = "PASS" if seen.low > 0 else "FAIL" if seen.high < 0 or is_constant else "INCONCLUSIVE"
        same = f", and gives the same answer, {dataset.classes[int(said[0])]}, for all of them" if is_constant else ""
        return (
            judgement,
            seen,
            f"Nothing shows that {who} has learnt the task: it is right for {percent(float(is_right.mean()))} of "
            f"{len(answers):,} {split} samples{same}. To say {beside.name} of every sample is right for "
            f"{percent(float(right(beside.answers).mean()))}, and the difference is {points(seen.value)} points "
            f"({level(confidence)} {points_interval(seen)}), not clearly above 0. Look at the labels, or train on more "
            f"samples or for longer. Where one class is most of the samples, set a floor that no guess reaches, "
            f"as {{metric: recall, min: 0.8}}.",
        )

    def predict(self, file: str, output: NDArray[np.float32], labels: Sequence[str]) -> ClassPrediction:
        """Return the class of the largest logit, and the softmax of all; offsets are in the logits."""
        scores = softmax(output)
        best = int(np.argmax(scores))
        return ClassPrediction(
            file=file,
            label=labels[best],
            score=float(scores[best]),
            scores=dict(zip(labels, scores.tolist(), strict=True)),
        )

    def describe_task(self, sample: str, dataset: Dataset) -> str:
        """Name the classes."""
        return (
            f"To tell which of {len(dataset.classes)} classes {sample} is of: "
            f"{', '.join(map(markdown_code, dataset.classes))}."
        )

    def extra_columns(self, details: Mapping[str, Any]) -> tuple[ExtraColumn, ...]:
        """Give the agreement with the baseline."""
        agreement = details["agreement"]
        shown = "" if agreement is None else percent(agreement)
        return (ExtraColumn("Agreement", "same answer as the baseline", shown),)

    def describe_limits(self, details: Mapping[str, Any], things: str) -> Iterator[str]:
        """Name the class that is most often missed."""
        seen = ClassesDetails.model_validate(details).per_class
        known = {name: quality for name, quality in seen.items() if quality.support}
        worst = min(known, key=lambda name: known[name].recall)
        yield (
            f"The class most often missed is {markdown_code(worst)}: {known[worst].recall:.2%} of its "
            f"{known[worst].support:,} validation {things} are found."
        )


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return scores that sum up to 1, of logits ``[classes]``.

    Args:
        logits: of one sample.
    """
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum())
