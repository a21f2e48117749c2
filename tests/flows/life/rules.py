"""The rules of an operated line, as docs/how-to say them, in a few lines that share nothing with the product."""

from dataclasses import dataclass, field
from typing import Literal

Answer = Literal["approve", "reject"]
SHRINK = 0.2  # of the samples: when more are gone, a person is asked
REFUSED = 0.01  # of the files: when more cannot be used, nothing is trained


@dataclass(frozen=True)
class Facts:
    """A state of the source. ``good``: images of each class; ``damaged``: files that are none.

    ``is_learnable``: images of a class have something in common. ``answer``: of the person who is asked about it.
    """

    good: dict[str, int]
    damaged: int = 0
    is_learnable: bool = True
    answer: Answer | None = None


@dataclass(frozen=True)
class Outcome:
    """The effects of a state: the watch's first words about it and its last, the run's, and who is told of what."""

    seen: str
    run: str | None
    told: tuple[str, ...]
    left: str


@dataclass
class Rules:
    """The state that was trained on last, and how many releases there are."""

    trained: dict[str, int] = field(default_factory=dict)
    releases: int = 0

    def judge(self, facts: Facts) -> Outcome:
        """Foretell what comes of a new state of the source."""
        asked: tuple[str, ...] = ()
        seen = "Changed"
        if self.trained and self._is_unusual(facts):
            asked, seen = ("data_waits",), "AwaitingConsent"
            if facts.answer is None:
                return Outcome(seen, None, asked, "AwaitingConsent")
            if facts.answer == "reject":
                return Outcome(seen, None, asked, "Refused")
        told = (*asked, "data_changed")
        if facts.damaged > REFUSED * (facts.damaged + sum(facts.good.values())):
            return Outcome(seen, "Failed", (*told, "run_failed"), "Refused")
        self.trained = dict(facts.good)
        if not facts.is_learnable:
            return Outcome(seen, "Held back", (*told, "held_back"), "Unchanged")
        self.releases += 1
        return Outcome(seen, "Released", (*told, "released"), "Unchanged")

    def _is_unusual(self, facts: Facts) -> bool:
        gone = sum(self.trained.values()) - sum(facts.good.values()) - facts.damaged
        return facts.good.keys() != self.trained.keys() or gone > SHRINK * sum(self.trained.values())
