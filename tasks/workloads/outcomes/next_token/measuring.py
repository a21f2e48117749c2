"""Measures of the next token."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.records import Record
from tasks.samples import Dataset
from tasks.wording import number, percent
from tasks.workloads.measuring import ConstantAnswer, ExtraColumn, OutcomeMeasuring, Prediction
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.next_token.metrics import METRICS, by_frequency, each_loss
from tasks.workloads.outcomes.next_token.targets import OTHERS, TEXT, TOKEN


class Completion(Prediction):
    """The tokens with which a model goes on, one after the other, each the likeliest, and how likely each was.

    ``tokens``: as they stand in the text, with the spaces between them.
    """

    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]

    def first(self, count: int) -> "Completion":
        """Return the answer with its first tokens alone."""
        tokens = self.tokens[:count]
        changes = {"label": _joined(tokens), "tokens": tokens, "probabilities": self.probabilities[:count]}
        return self.model_copy(update=changes)


class NextTokenDetails(Record):
    """Facts that are kept beside the metrics.

    ``bits``: the mean loss in bits a token. ``texts``: that the windows are of. ``unknown``: fraction of the windows
    whose next token is not known. ``by_frequency``: the perplexity where only the frequency of tokens is known.
    """

    bits: float
    texts: int
    unknown: float
    by_frequency: float


class NextTokenMeasuring(OutcomeMeasuring):
    """Perplexity, and how often the likeliest token comes."""

    metrics = METRICS
    answer = "one logit a token, in the order of the numbers of tokens; 0: the text ends; softmax makes probabilities"
    output = "logit"

    def reduced(
        self,
        outputs: NDArray[np.float32],
        targets: Array,
        dataset: Dataset | None = None,  # noqa: ARG002
    ) -> Answers:
        """Return of each window the loss in nats and whether the likeliest token came, float32 ``[n, 2]``.

        Args:
            outputs: logits ``[n, rows]``.
            targets: ``[n, 3]``.
            dataset: what was prepared.
        """
        shifted = outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets[:, TOKEN]]
        right = outputs.argmax(axis=1) == targets[:, TOKEN]
        return Answers(np.stack([losses, right], axis=1).astype(np.float32), targets)

    def details(self, answers: Answers, baseline: Answers | None, dataset: Dataset) -> dict[str, Any]:  # noqa: ARG002
        """Return :class:`NextTokenDetails`."""
        found = NextTokenDetails(
            bits=float(each_loss(answers).mean()) / math.log(2),
            texts=len(np.unique(answers.targets[:, TEXT])),
            unknown=float((answers.targets[:, OTHERS] > 0).mean()),
            by_frequency=self.main.constant(answers),
        )
        return found.model_dump(mode="json")

    def constants(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:  # noqa: ARG002
        """Give the frequencies of the tokens that came next in these samples."""
        yield ConstantAnswer("how frequent each token is", by_frequency(answers))

    def smallest_margin(self, mine: Answers, theirs: Answers, samples: int, confidence: float) -> float:
        """Return it for as many windows whose losses, and whose texts, differ as these do."""
        seen = self.main.difference(mine, theirs, confidence)
        return (seen.high - seen.low) / 2 * math.sqrt(len(mine) / max(1, samples))

    def predict(self, file: str, output: NDArray[np.float32], labels: Sequence[str]) -> Completion:
        """Return a completion.

        Args:
            file: the question.
            output: the probability of each token that was added, one after the other.
            labels: these tokens, as they stand in the text.
        """
        return Completion(
            file=file, label=_joined(labels), tokens=tuple(labels), probabilities=tuple(map(float, output))
        )

    def describe_task(self, sample: str, dataset: Dataset) -> str:
        """Say among how many tokens the next one is."""
        (tokens,) = dataset.inputs
        return f"To tell which of {int(tokens.high):,} tokens comes next, or that the text ends, after {sample}."

    def extra_columns(self, details: Mapping[str, Any]) -> tuple[ExtraColumn, ...]:
        """Give the bits a token."""
        found = NextTokenDetails.model_validate(details)
        return (ExtraColumn("Bits", "mean of −log₂ p of the token that comes next", number(found.bits, 3)),)

    def describe_limits(self, details: Mapping[str, Any], things: str) -> Iterator[str]:
        """Say what frequency alone reaches, how many tokens are unknown, and what intervals are over."""
        found = NextTokenDetails.model_validate(details)
        yield (
            f"The frequency of each token alone, whatever comes before, has a perplexity of "
            f"{number(found.by_frequency, 2)} on validation."
        )
        yield (
            f"{percent(found.unknown)} of the validation {things} end in front of a token that the model cannot name; "
            f"in perplexity all such tokens count as equally likely."
        )
        yield f"Intervals are over the {found.texts:,} texts of these {things}: those of one text are not independent."


def _joined(tokens: Sequence[str]) -> str:
    return "".join(tokens).strip()
