"""Messages that wait, and what became of each: files that survive kills.

::

    .slimline/outbox/owner             this project's folder, for those who share a server
    .slimline/outbox/events/           <event>.json: an event, and the targets that are to be told
    .slimline/outbox/done/             <event>: everybody was told, or never will be
    .slimline/outbox/targets/<target>/ <event>.json: the fate of its message; <event>.ended.json when it is known
                                       ledger.json: when messages left, and what the next one has to tell
                                       lock: held by who sends to the target

An event's file is made once and by one writer, whoever sees the event; it is whole when it is there. Fates and the
ledger are written only by who holds the target's lock, which a dead process does not.
"""

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tasks.errors import DataError
from tasks.files import write_text
from tasks.notifying.events import Event
from tasks.records import Record, read_record, write_record

OUTBOX = Path(".slimline/outbox")
ENDED = ".ended.json"
KEPT = 30 * 86_400.0  # seconds after which an event is forgotten
UNTOLD = 50  # messages that were left out which the next one tells of, at most

End = Literal["sent", "unsure", "refused", "left out", "too late", "told elsewhere"]


class Entry(Record):
    """An event, and the names of the targets that are to be told."""

    event: Event
    targets: tuple[str, ...]


class Fate(Record):
    """The fate of a message; ``next_try`` is in seconds since 1970.

    ``handing over``: it is being sent, or was when the process died. ``unsure``: it may have arrived, and is not sent
    again.
    """

    state: Literal["waiting", "handing over"] | End
    tries: int = 0
    next_try: float = 0.0
    why: str = ""


class LeftOut(Record):
    """A message that did not go out, or of which nobody knows."""

    event: str
    title: str
    state: End


class Ledger(Record):
    """The messages to a target: when they left within the last hour, and those which the next one has to tell of."""

    left: tuple[float, ...] = ()
    untold: Annotated[tuple[LeftOut, ...], Field(max_length=UNTOLD)] = ()
    more: int = 0  # untold beyond those


class Outbox:
    """The messages of a project.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path = OUTBOX) -> None:
        self.folder = folder

    def post(self, event: Event, targets: Iterable[str]) -> bool:
        """Put an event in, for these targets, and return whether it is new.

        Args:
            event: to be told.
            targets: their names in params.yaml; nobody is told where there are none.

        Returns:
            False where it is there already, or nobody is to be told.
        """
        entry = Entry(event=event, targets=tuple(targets))
        return bool(entry.targets) and _create(self._event(event.id), entry.model_dump_json())

    def owner(self) -> str:
        """Return what this project's folder is called among those that share a server."""
        path = self.folder / "owner"
        _create(path, uuid.uuid4().hex)
        return path.read_text(encoding="utf-8")

    def waiting(self) -> dict[str, list[Entry]]:
        """Return the entries whose fate is not known yet, by target, the oldest first.

        Those that were told to all are marked, and not read again: somebody asks every few seconds.
        """
        done, ended = self.folder / "done", {path.name: _names(path, ENDED) for path in self._folders()}
        found: dict[str, list[Entry]] = {}
        for entry in sorted(self._entries(_names(done, "")), key=lambda each: (each.event.at, each.event.id)):
            open_ones = [target for target in entry.targets if entry.event.id not in ended.get(target, ())]
            for target in open_ones:
                found.setdefault(target, []).append(entry)
            if not open_ones:
                done.mkdir(exist_ok=True)
                (done / entry.event.id).touch()
        return found

    def lock(self, target: str) -> Path:
        """Return the file that is held by who sends to a target.

        Args:
            target: its name.
        """
        return self._target(target) / "lock"

    def fate(self, target: str, event: str) -> Fate:
        """Return what became of a message so far.

        Args:
            target: its name.
            event: its id.
        """
        for suffix in (ENDED, ".json"):
            with contextlib.suppress(DataError):
                return read_record(self._target(target) / f"{event}{suffix}", Fate)
        return Fate(state="waiting")

    def note(self, target: str, event: str, fate: Fate) -> None:
        """Note what became of a message.

        Args:
            target: its name.
            event: its id.
            fate: of the message, which may be its last.
        """
        path = self._target(target) / f"{event}.json"
        if fate.state in {"waiting", "handing over"}:
            write_record(path, fate)
        else:
            write_record(path.with_name(f"{event}{ENDED}"), fate)
            path.unlink(missing_ok=True)

    def ledger(self, target: str) -> Ledger:
        """Return what is noted about a target.

        Args:
            target: its name.
        """
        with contextlib.suppress(DataError):
            return read_record(self._target(target) / "ledger.json", Ledger)
        return Ledger()

    def write_ledger(self, target: str, ledger: Ledger) -> None:
        """Note something about a target.

        Args:
            target: its name.
            ledger: takes the place of the one that is there.
        """
        write_record(self._target(target) / "ledger.json", ledger)

    def history(self) -> Iterator[tuple[Entry, str, Fate]]:
        """Yield every message that is remembered with its target and its fate, the newest first."""
        for entry in sorted(self._entries(), key=lambda each: each.event.at, reverse=True):
            for target in entry.targets:
                yield entry, target, self.fate(target, entry.event.id)

    def forget(self, before: float) -> None:
        """Remove events that are older than a time (seconds since 1970), with all that became of them.

        Args:
            before: the time.
        """
        for name in _names(self.folder / "events", ".json"):
            path = self._event(name)
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    for folder in self._folders():
                        for suffix in (ENDED, ".json"):
                            (folder / f"{name}{suffix}").unlink(missing_ok=True)
                    (self.folder / "done" / name).unlink(missing_ok=True)
                    path.unlink()

    def _entries(self, but: Set[str] = frozenset()) -> Iterator[Entry]:
        for name in _names(self.folder / "events", ".json") - but:
            with contextlib.suppress(DataError):
                yield read_record(self._event(name), Entry)

    def _event(self, name: str) -> Path:
        return self.folder / "events" / f"{name}.json"

    def _target(self, name: str) -> Path:
        return self.folder / "targets" / name

    def _folders(self) -> list[Path]:
        try:
            return [path for path in (self.folder / "targets").iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []


def _names(folder: Path, suffix: str) -> set[str]:
    try:
        return {path.name.removesuffix(suffix) for path in folder.iterdir() if path.name.endswith(suffix)}
    except FileNotFoundError:
        return set()


def _create(path: Path, text: str) -> bool:
    """Write a file unless it is there: whole, and by one of those who want to."""
    if path.exists():
        return False
    mine = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    write_text(mine, text)
    try:
        os.link(mine, path)
    except FileExistsError:
        return False
    finally:
        mine.unlink()
    return True
