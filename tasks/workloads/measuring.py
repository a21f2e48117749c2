"""The measuring of an outcome: its metrics, its rules, and what people are told of it.

An outcome names its :class:`OutcomeMeasuring` beside its :class:`tasks.workloads.protocol.OutcomeLearning`. Evaluation,
gate, cards, releases and the command line know metrics by their names alone. Nothing here needs TensorFlow; a device
loads it, too, so that SciPy and the intervals are imported where they are used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.gate_settings import QualityRule, Rule, Versus
from tasks.records import Interval, Record
from tasks.samples import Dataset
from tasks.verdicts import Judgement, RuleVerdict, level
from tasks.workloads.metric import Answers, Metric
from tasks.workloads.protocol import OutcomeSettings

if TYPE_CHECKING:
    from tasks.html import Markup

LEARNT = "learnt"  # the metric of a verdict on whether the task is learnt
CONSTANT = "a constant answer"
MOST_NAMED = 100  # things that one answer names, where it names several
# Makes markup of the report from the chosen candidate's name, the baseline's details and the candidate's.
Blocks = Callable[[str, Mapping[str, Any], Mapping[str, Any]], "Markup"]
# Makes what the operator's page shows of the outcome, from the same.
Exhibits = Callable[[str, Mapping[str, Any], Mapping[str, Any]], Sequence["Exhibit"]]


@dataclass(frozen=True)
class Pair:
    """Two models' answers to the same samples of a split."""

    mine: Answers
    theirs: Answers
    versus: Versus
    split: str
    dataset: Dataset


class ExtraColumn(NamedTuple):
    """A figure beside the metrics: the head of its column, what it is in words, and the figure as people read it."""

    column: str
    title: str
    shown: str


@dataclass(frozen=True)
class Exhibit:
    """A picture or a table of an outcome's own for the operator's page.

    ``key``: what the page finds it by. ``head`` and ``rows``: a table, cell by cell. All texts are shown as they are.
    """

    key: str
    title: str
    picture: str | None = None  # SVG
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class Prediction(Record):
    """A release's answer for one file; an outcome may say more of it.

    ``label``: the answer in words: the class, or a number as people read it.
    """

    file: str
    label: str

    @property
    def words(self) -> tuple[str, ...]:
        """Return what people are shown, part by part."""
        return (self.label,)

    def first(self, count: int) -> "Prediction":  # noqa: ARG002
        """Return the answer cut to its first parts, where it names several things; by default all of it.

        Args:
            count: of parts.
        """
        return self


@dataclass(frozen=True)
class ConstantAnswer:
    """An answer that is the same for all samples, and its name, as in ``To say {name} of every sample``."""

    name: str
    answers: Answers


class OutcomeMeasuring(ABC):
    """The measuring of an outcome; needs no TensorFlow.

    ``metrics``: in the order of tables. By the first one the best epoch was kept unless settings of the outcome say
    otherwise, the report draws its pictures, and a model shows that it has learnt its task. ``rules``: metrics of
    those rules in params.yaml that only some outcomes have, ``per_class`` those metrics that a rule may ask for class
    by class, see :meth:`judge`, and ``of_class`` those that one may ask for of a single class, see :meth:`metric_of`.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    rules: ClassVar[frozenset[str]] = frozenset()
    per_class: ClassVar[tuple[str, ...]] = ()
    of_class: ClassVar[tuple[str, ...]] = ()
    blocks: ClassVar[str | None] = None  # of the report: where a function as Blocks is, as package.module:function
    exhibits: ClassVar[str | None] = None  # of the operator's page: where a function as Exhibits is
    answer: ClassVar[str] = "the outputs are the answer"  # of a signature: how outputs become the answer
    settling: ClassVar[str] = ""  # there: what is done with the numbers of :meth:`settle`
    output: ClassVar[str] = "value"  # what one number of an output is called there

    @property
    def main(self) -> Metric:
        """The first metric."""
        return self.metrics[0]

    def metric(self, name: str) -> Metric:
        """Return a metric by its name.

        Args:
            name: as rules in params.yaml have it.

        Raises:
            KeyError: there is none of that name.
        """
        return {metric.name: metric for metric in self.metrics}[name]

    def metric_of(self, rule: QualityRule, dataset: Dataset) -> Metric:  # noqa: ARG002
        """Return the metric that a rule is about: one of :attr:`metrics`, or its figure of one class.

        Args:
            rule: of the gate.
            dataset: what was prepared.

        Raises:
            ConfigError: the rule names a class that the data has not.
        """
        if rule.of is not None:
            raise NotImplementedError(f"Expected a rule that every outcome has. Received: {rule!r}.")
        return self.metric(rule.metric)

    def reduced(
        self,
        outputs: NDArray[np.float32],
        targets: NDArray[Any],
        dataset: Dataset | None = None,  # noqa: ARG002
    ) -> Answers:
        """Return what is kept of a batch of answers, from which all metrics can be had; by default all of it.

        Args:
            outputs: of a model, ``[n, …]``.
            targets: of the samples, ``[n, …]``.
            dataset: what was prepared; None where it is not here.
        """
        return Answers(outputs, targets)

    def measure(self, answers: Answers) -> dict[str, float]:
        """Return each metric's figure of one model, by name.

        Args:
            answers: the model's.
        """
        return {metric.name: metric.value(answers) for metric in self.metrics}

    def details(
        self,
        answers: Answers,  # noqa: ARG002
        baseline: Answers | None,  # noqa: ARG002
        dataset: Dataset,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return what is kept beside the metrics, as JSON has it.

        Args:
            answers: the model's.
            baseline: the baseline's to the same samples; None for the baseline itself.
            dataset: what was prepared.
        """
        return {}

    def settle(self, answers: Answers, settings: OutcomeSettings) -> tuple[float, ...]:  # noqa: ARG002
        """Settle how the outputs of a model become answers, on samples that candidates are chosen on.

        Args:
            answers: the model's on validation.
            settings: ``outcome`` of params.yaml.

        Returns:
            numbers that go with the model, see :meth:`settled`; none where the outputs are the answers.
        """
        return ()

    def settled(self, outputs: NDArray[np.float32], numbers: Sequence[float]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return outputs ``[…, outputs]`` as answers are read from them; the same ones where nothing was settled.

        Args:
            outputs: of a model.
            numbers: of :meth:`settle`.
        """
        return outputs

    @abstractmethod
    def constants(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:
        """Yield the constant answers that a model must beat on these samples to show that it has learnt its task.

        Args:
            answers: whose targets count.
            dataset: what was prepared.
        """

    def references(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:  # noqa: ARG002
        """Yield what models of another kind answer to these samples, to which a network must not be inferior.

        Args:
            answers: whose samples count.
            dataset: what was prepared.
        """
        yield from ()

    @abstractmethod
    def smallest_margin(self, mine: Answers, theirs: Answers, samples: int, confidence: float) -> float:
        """Return the smallest margin of the first metric that so many samples can prove for an equally good model.

        Args:
            mine: a candidate's answers on validation.
            theirs: the baseline's; the answers to other samples are taken to differ as these do.
            samples: how many others there are.
            confidence: of the two-sided interval.
        """

    @abstractmethod
    def predict(self, file: str, output: NDArray[np.float32], labels: Sequence[str]) -> Prediction:
        """Return the answer that an output ``[…]`` of a release is.

        Args:
            file: that was asked about.
            output: what the model gave.
            labels: names of the classes of the release; none where it has no classes.
        """

    def judge(self, rule: Rule, pair: Pair) -> RuleVerdict:
        """Return the verdict on a rule of the outcome's own.

        Args:
            rule: one of :attr:`rules`, or of a metric class by class.
            pair: the candidate and the model that it is compared with.
        """
        raise NotImplementedError(f"Expected a rule that every outcome has. Received: {rule!r}.")

    def beside_constant(
        self, who: str, answers: Answers, dataset: Dataset, confidence: float, split: str
    ) -> tuple[Judgement, Interval, str]:
        """Compare a model with the constant answer that it beats least surely.

        Args:
            who: the model, in words.
            answers: its answers.
            dataset: what was prepared.
            confidence: of the two-sided interval.
            split: whose samples they are.

        Returns:
            PASS where it is better; the difference in the first metric; a sentence for where it is not.
        """
        seen, beside = closest_constant(self, answers, dataset, confidence)
        low, high = sorted(self.main.sign * bound for bound in (seen.low, seen.high))
        judgement: Judgement = "PASS" if low > 0 else "FAIL" if high < 0 else "INCONCLUSIVE"
        main = self.main
        return (
            judgement,
            seen,
            f"Nothing shows that {who} has learnt the task: {main.clause(main.value(answers))} on {len(answers):,} "
            f"{split} samples. To say {beside.name} of every sample reaches "
            f"{main.shown(main.value(beside.answers))}, and the difference is "
            f"{main.apart(seen.value)} ({level(confidence)} {main.shown_bounds(seen)}), not clearly better. Look at "
            f"the targets, or train on more samples or for longer.",
        )

    @abstractmethod
    def describe_task(self, sample: str, dataset: Dataset) -> str:
        """Return for the model card what the model tells of a sample, as a sentence.

        Args:
            sample: in words, with an article.
            dataset: what was prepared.
        """

    def extra_columns(self, details: Mapping[str, Any]) -> tuple[ExtraColumn, ...]:  # noqa: ARG002
        """Return figures of what is kept beside the metrics, the same ones for each model.

        Args:
            details: what is kept.
        """
        return ()

    def describe_limits(self, details: Mapping[str, Any], things: str) -> Iterator[str]:  # noqa: ARG002
        """Yield sentences for the model card about what the figures hide.

        Args:
            details: what is kept beside the metrics.
            things: what people call samples.
        """
        yield from ()


def closest_constant(
    outcome: OutcomeMeasuring, answers: Answers, dataset: Dataset, confidence: float
) -> tuple[Interval, ConstantAnswer]:
    """Return the difference to the constant answer that a model beats least surely, and that answer.

    Args:
        outcome: whose metrics count.
        answers: the model's.
        dataset: what was prepared.
        confidence: of the two-sided interval.
    """
    main = outcome.main
    beside = [
        (main.difference(answers, constant.answers, confidence), constant)
        for constant in outcome.constants(answers, dataset)
    ]
    return min(beside, key=lambda found: -found[0].high if main.less_is_better else found[0].low)
