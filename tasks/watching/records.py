"""Records of the watch, as they lie in the store beside a model's releases."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from tasks.data_loading.sources.protocol import SourceListing
from tasks.records import Record

LAST_LOOK = Path(".slimline/last_look.json")
Count = Annotated[int, Field(ge=0)]


def _check_moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("expected a time with its time zone")
    return text


Moment = Annotated[str, AfterValidator(_check_moment)]  # ISO 8601


class SourceState(Record):
    """A source as it was listed: how many files and bytes, and how many files of each class.

    ``classes`` is None where names do not tell them: of an archive, a built-in source, a workload without classes.
    """

    listing: SourceListing
    bytes: Count | None
    classes: dict[str, Count] | None

    @property
    def digest(self) -> str:
        """The digest by which people name this state."""
        return self.listing.digest


class TrainedOn(Record):
    """The data that the last finished run went through: as listed, and what of it was used."""

    state: SourceState
    samples: Count
    classes: dict[str, Count]  # samples of each; empty where there are no classes
    ending: str
    at: str  # UTC, ISO 8601


class Attempt(Record):
    """Runs that began on a state of the source and did not finish. ``at``: when the last one began."""

    digest: str
    count: Count
    at: Moment


class Waiting(Record):
    """A state of the source that waits for a person.

    ``classes``: those that a model of it would know, as far as that is known; None where there are none.
    """

    digest: str
    reasons: tuple[str, ...]
    classes: tuple[str, ...] | None
    at: str  # UTC, ISO 8601


class LastLook(Record):
    """The last look of this folder's watch that came to an end, and what it saw."""

    at: str  # UTC, ISO 8601
    kind: str
    sentence: str
