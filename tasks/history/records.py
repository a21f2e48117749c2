"""Records of the history, as they lie in the store and as people read them."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.deployment.records import MAX_REASON, Number, Sha256
from tasks.records import Interval, Record
from tasks.verdicts import Judgement

Count = Annotated[int, Field(ge=0)]
Word = Annotated[str, Field(max_length=200)]


class DecisionTaken(Record):
    """The decision on sealed samples that a run took or took over, by its number in the ledger.

    ``provable`` counts the decisions after it that could still prove the margin; None where no rule has one.
    """

    number: Number
    provable: Count | None


class RunRecord(Record):
    """The end of a finished run, with the figures of the candidate that it chose, all of the validation split.

    ``metric`` is the outcome's first one, ``interval`` its 95 % interval. ``manifest_sha256`` names the release that a
    channel points to, or that waits in staging; None where nothing was released.
    """

    format: Literal[1] = 1
    at: Word  # UTC, ISO 8601
    ending: Word
    cause: Annotated[str, Field(max_length=MAX_REASON)]
    data: Word  # digest of the source's listing
    recipe: Word
    model_sha256: Sha256
    outcome: Judgement  # of the gate, on validation
    metric: Word
    interval: Interval
    metrics: dict[str, float]
    baseline: float  # the metric of the baseline
    stored_bytes: Count
    loaded_bytes: Count
    latency_us: float
    latency_ratio: Interval  # to the baseline; below 1 is faster
    decision: DecisionTaken | None
    release: Number | None
    manifest_sha256: Sha256 | None

    def is_as(self, other: "RunRecord") -> bool:
        """Return whether both runs came to the same: then the second one is no news.

        Args:
            other: of a run before or after it.
        """
        return self._gist == other._gist

    @property
    def _gist(self) -> tuple[object, ...]:
        return (self.data, self.model_sha256, self.outcome, self.decision, self.manifest_sha256)


class Past(Record):
    """A line of the history. A release that no run's record names has no interval, no latency and no cause."""

    at: str  # UTC, ISO 8601
    ending: str
    release: int | None
    channels: tuple[str, ...]  # that point to the release now
    recipe: str
    metric: str | None  # whose interval it is
    interval: Interval | None
    metrics: dict[str, float]
    stored_bytes: int
    loaded_bytes: int
    latency_us: float | None
    latency_ratio: Interval | None
    gate: str | None
    decision: int | None
    decisions_left: int | None  # that could still prove the margin, after this run's
    worth: int | None  # samples with which a first decision would prove as much as the next one could then
    data: str | None
    cause: str | None
