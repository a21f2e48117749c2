"""The judgement of a look: whether a run is to begin on what is there now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tasks.causes import MOST
from tasks.config import Params
from tasks.text import visible
from tasks.watching.asking import reasons_by_name
from tasks.watching.comparison import Difference, compare
from tasks.watching.memory import Memory, seconds_since
from tasks.watching.records import SourceState

FIRST_PAUSE, LONGEST_PAUSE = 600, 24 * 3600  # seconds between runs on a state that did not finish; they double
Kind = Literal["Unchanged", "Refused", "AwaitingConsent", "Tried", "Changed"]


@dataclass(frozen=True)
class Judgement:
    """The judgement of a state of the source.

    ``kind``: ``Unchanged`` was trained on, ``Refused`` a run or a person did not take it, ``AwaitingConsent`` waits for
    a person, ``Tried`` failed and is tried again later, ``Changed`` is what a run begins on.
    """

    kind: Kind
    sentence: str
    state: SourceState
    difference: Difference | None = None
    reasons: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None

    def payload(self) -> dict[str, Any]:
        """Return what an event says of it: numbers, and names and sentences that are cut to a length."""
        listing = self.state.listing
        return {
            "digest": listing.digest,
            "location": visible(listing.location)[:MOST],
            "sentence": visible(self.sentence)[:MOST],
            "reasons": [visible(reason)[:MOST] for reason in self.reasons],
            "difference": self.difference.model_dump(mode="json") if self.difference else None,
        }


def judge(params: Params, state: SourceState, memory: Memory, moment: datetime | None = None) -> Judgement:
    """Return what a state of the source calls for, by what is known of it.

    Args:
        params: all of params.yaml.
        state: of the source, as it is now.
        memory: what is known.
        moment: now, if not the clock's.
    """
    trained, consent = memory.trained, memory.consent
    if trained and trained.state.listing == state.listing:
        return Judgement("Unchanged", f"It was trained on: {trained.ending}, {trained.at}.", state)
    if consent and consent.verdict == "refused":
        return Judgement("Refused", f"{consent.by} refused it at {consent.at}: {consent.reason}", state)
    difference = compare(trained.state if trained else None, state, params.data)
    reasons = () if consent else reasons_to_wait(params, state, memory)
    if reasons:
        classes = memory.waiting.classes if memory.waiting else sorted_classes(state)
        words = f"{difference.sentence} It waits for a person: {' '.join(reasons)}"
        return Judgement("AwaitingConsent", words, state, difference, reasons, classes)
    if (attempt := memory.attempt) and seconds_since(attempt.at, moment) < pause_after(attempt.count):
        times = "once" if attempt.count == 1 else f"{attempt.count} times"
        words = f"{difference.sentence} A run began on it {times}, last at {attempt.at}, and has not finished yet."
        return Judgement("Tried", words, state, difference)
    return Judgement("Changed", difference.sentence, state, difference)


def reasons_to_wait(params: Params, state: SourceState, memory: Memory) -> tuple[str, ...]:
    """Return why a state that nobody has spoken of waits; none where a run may begin.

    Args:
        params: all of params.yaml.
        state: of the source, as it is now.
        memory: what is known.
    """
    if memory.waiting:
        return memory.waiting.reasons
    return reasons_by_name(memory.trained, state, params.watch.max_shrink) if memory.trained else ()


def sorted_classes(state: SourceState) -> tuple[str, ...] | None:
    """Return the classes that names tell.

    Args:
        state: of the source.
    """
    return None if state.classes is None else tuple(sorted(state.classes))


def pause_after(attempts: int) -> float:
    """Return the seconds after the start of the last run that did not finish, before another one begins.

    Args:
        attempts: runs that began on this state and did not finish, one after the other.
    """
    return float(min(FIRST_PAUSE * 2 ** (min(attempts, 20) - 1), LONGEST_PAUSE))
