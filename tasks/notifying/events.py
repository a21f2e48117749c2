"""Events that somebody may want to be told of: a closed set, in plain English, of a bounded size.

Each has an id made of what it is about, so that the same event is the same message whoever sees it: the run itself, a
later run, or one that looks after dead ones.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from tasks.config import EventKind
from tasks.records import Record
from tasks.text import visible

TITLE, SENTENCE, NAME, VALUE, DETAILS, LINK = 150, 1000, 40, 300, 10, 1000  # characters, and how many details
Detail = tuple[Annotated[str, Field(max_length=NAME)], Annotated[str, Field(max_length=VALUE)]]


class Event(Record):
    """Something that happened, as people are told of it. ``link``: the page that shows it."""

    id: Annotated[str, Field(pattern=r"^[a-z_]{1,20}_[0-9a-f]{32}$")]
    kind: EventKind | Literal["test"]
    model: str
    at: str  # UTC, ISO 8601
    title: Annotated[str, Field(max_length=TITLE)]
    sentence: Annotated[str, Field(max_length=SENTENCE)]
    details: Annotated[tuple[Detail, ...], Field(max_length=DETAILS)]
    link: Annotated[str | None, Field(max_length=LINK)] = None


@dataclass(frozen=True)
class Run:
    """A run, as messages name it. ``cause``: why it was started; ``said``: the message of its last state."""

    id: str
    name: str
    said: str
    cause: str | None = None
    link: str | None = None


def run_failed(model: str, run: Run, state: str) -> Event:
    """Return the event that a run ended with an error, after its last retry.

    Args:
        model: the model's name.
        run: as Prefect knows it.
        state: its last one, as Failed or Crashed.
    """
    return _event(
        "run_failed",
        run.id,
        model,
        f"{model}: a run ended as {state}",
        run.said or "It gave no reason.",
        [("Run", run.name), *_cause(run), ("What to do", "Mend it and run again: it goes on with what is not done.")],
        run.link,
    )


def held_back(model: str, run: Run) -> Event:
    """Return the event that a run ended without a release.

    Args:
        model: the model's name.
        run: as Prefect knows it.
    """
    return _event(
        "held_back",
        run.id,
        model,
        f"{model}: nothing was released",
        run.said or "The gate did not pass.",
        [("Run", run.name), *_cause(run)],
        run.link,
    )


@dataclass(frozen=True)
class Move:
    """A move of a channel: ``key`` is one of its own, as its store, channel and generation."""

    key: str
    channel: str
    version: int
    previous: int | None
    by: str
    reason: str
    figures: str = ""
    link: str | None = None


def released(model: str, move: Move) -> Event:
    """Return the event that a channel points to a release.

    Args:
        model: the model's name.
        move: of the channel.
    """
    return _event("released", move.key, model, f"{model} {move.version} is {move.channel}", *_moved(move))


def rolled_back(model: str, move: Move) -> Event:
    """Return the event that a channel points to an earlier release again.

    Args:
        model: the model's name.
        move: of the channel.
    """
    title = f"{model} is rolled back: {move.version} is {move.channel}"
    return _event("rolled_back", move.key, model, title, *_moved(move))


def approval_wanted(
    model: str, version: int, key: str, sentence: str, command: str, *, figures: str = "", link: str | None = None
) -> Event:
    """Return the event that a release waits for a person.

    Args:
        model: the model's name.
        version: of the release.
        key: of its own, as the SHA-256 of its manifest.
        sentence: why it waits, and what the gate says.
        command: that decides.
        figures: of the release.
        link: the page on which one decides.
    """
    details = [("Command", command), *([("Figures", figures)] if figures else [])]
    return _event("approval_wanted", key, model, f"{model} {version} waits for a person", sentence, details, link)


def data_changed(model: str, digest: str, sentence: str, details: Iterable[tuple[str, str]] = ()) -> Event:
    """Return the event that the source has other data than the last finished run was trained on.

    Args:
        model: the model's name.
        digest: of the change, as of the data before and now: the same change is told once.
        sentence: what is added, removed, changed.
        details: as how many a class.
    """
    return _event("data_changed", digest, model, f"{model}: the data have changed", sentence, details)


def data_waits(
    model: str,
    digest: str,
    sentence: str,
    command: str,
    details: Iterable[tuple[str, str]] = (),
    link: str | None = None,
) -> Event:
    """Return the event that new data wait for a person before they are trained on.

    Args:
        model: the model's name.
        digest: of the data as they are now.
        sentence: why they wait.
        command: that consents.
        details: as how many a class.
        link: the page on which one consents.
    """
    title = f"{model}: new data wait for a person"
    return _event("data_waits", digest, model, title, sentence, [("Command", command), *details], link)


def watch_stale(model: str, since: str, sentence: str) -> Event:
    """Return the event that nobody has looked at the source for long.

    Args:
        model: the model's name.
        since: when it was looked at last (UTC, ISO 8601); a later silence is another event.
        sentence: what is wrong, as the watch's last error.
    """
    details = [("Looked at last", since or "never")]
    return _event("watch_stale", since or "never", model, f"{model}: the watch is stale", sentence, details)


def trial(model: str, target: str) -> Event:
    """Return a message that tries a target; each is another one.

    Args:
        model: the model's name.
        target: its name in params.yaml.
    """
    now = datetime.now(UTC).isoformat()
    sentence = f"This is a test of the target {target}: nothing has happened."
    return _event("test", f"{target} {now}", model, f"{model}: a test", sentence, ())


def _moved(move: Move) -> tuple[str, list[tuple[str, str]], str | None]:
    before = f"release {move.previous}" if move.previous else "none"
    details = [("Channel", move.channel), ("Before", before), ("By", move.by)]
    return move.reason, details + ([("Figures", move.figures)] if move.figures else []), move.link


def _cause(run: Run) -> list[tuple[str, str]]:
    return [("Cause", run.cause)] if run.cause else []


def _event(
    kind: EventKind | Literal["test"],
    key: str,
    model: str,
    title: str,
    sentence: str,
    details: Iterable[tuple[str, str]],
    link: str | None = None,
) -> Event:
    digest = hashlib.sha256("\0".join((kind, model, key)).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Event(
        id=f"{kind}_{digest}",
        kind=kind,
        model=model,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        title=cut(title, TITLE),
        sentence=cut(sentence, SENTENCE),
        details=tuple((cut(name, NAME), cut(value, VALUE)) for name, value in list(details)[:DETAILS]),
        link=link if link and len(link) <= LINK and link.isprintable() and " " not in link else None,
    )


def cut(text: str, most: int) -> str:
    """Return text on one line, as :func:`tasks.text.visible` shows it, no longer than this.

    Args:
        text: of any length, on any number of lines.
        most: characters, the ellipsis at the end among them.
    """
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
