"""The cause of a run: a person, the clock, or a change of the data."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tasks.records import Record
from tasks.text import visible

MOST = 300  # characters of a sentence
DIGEST = re.compile(r"[0-9a-f]{64}")

DIGITS = 12  # of a digest that people are shown

Kind = Literal["hand", "schedule", "pages", "data"]
BRIEF: Mapping[Kind, str] = {
    "hand": "by hand",
    "schedule": "by its schedule",
    "pages": "from the pages",
    "data": "data changed",
}


class Cause(Record):
    """The reason why a run began.

    ``kind``: ``hand`` is a command in a terminal, ``pages`` a person on Prefect's pages, ``schedule`` the clock and
    ``data`` a change that the watch has seen. ``data`` is the digest of the listing that it saw, if it said one.
    """

    kind: Kind
    data: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    sentence: Annotated[str, Field(max_length=MOST)]

    @property
    def is_attended(self) -> bool:
        """Return whether a person sits before the run and sees what it says."""
        return self.kind == "hand"

    @property
    def brief(self) -> str:
        """Return it in two or three words, for the name of a run."""
        return BRIEF[self.kind]


HAND = Cause(kind="hand", sentence="somebody ran it by hand")
SCHEDULE = Cause(kind="schedule", sentence="its time has come")
PAGES = Cause(kind="pages", sentence="somebody started it on the pages")


def read_cause(given: object) -> Cause:
    """Return the cause that an event names. Whoever may write events may write anything: it is taken for text.

    Args:
        given: the parameter ``cause`` of a run.
    """
    said = given if isinstance(given, Mapping) else {}
    digest, sentence = said.get("data"), said.get("sentence")
    return Cause(
        kind="data",
        data=digest if isinstance(digest, str) and DIGEST.fullmatch(digest) else None,
        sentence=visible(sentence[:MOST])[:MOST] if isinstance(sentence, str) and sentence else "the data changed",
    )


def run_name(model: str, cause: Cause, digest: str | None) -> str:
    """Return the name of a run: the model, why it began, and the data as far as it is known.

    Args:
        model: the name under which it is released.
        cause: of the run.
        digest: of the source's listing; None while nobody has looked.
    """
    return f"{model}, {cause.brief}{f', data {digest[:DIGITS]}' if digest else ''}"


def run_tags(model: str, cause: Cause) -> tuple[str, ...]:
    """Return the tags by which a run is found among others.

    Args:
        model: the name under which it is released.
        cause: of the run.
    """
    return f"model:{model}", f"cause:{cause.kind}"
