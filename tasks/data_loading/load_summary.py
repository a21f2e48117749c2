"""A count of what a source holds, and of each kind the first ones for a person to read."""

import time
from bisect import insort
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tasks.samples import Refusal

KEPT = 1000  # refusals listed
PROGRESS = 5000  # samples between two lines
SHOWN = 5  # names in a note


@dataclass
class Listed:
    """A count of files, of which the first by name are listed with the reason."""

    count: int = 0
    first: list[Refusal] = field(default_factory=list)

    def add(self, name: str, reason: str) -> None:
        """Count one more.

        Args:
            name: of the sample in the source.
            reason: for the person whose file it is.
        """
        self.count += 1
        insort(self.first, Refusal(file=name, reason=reason), key=lambda refusal: (refusal.file, refusal.reason))
        del self.first[KEPT:]


@dataclass
class LoadSummary:
    """Everything that ``dataset.json`` tells beside the samples themselves.

    ``is_meant``: whether a file that cannot be used was meant as a sample, by its path. ``things``: what samples are
    called.
    """

    is_meant: Callable[[str], bool]
    things: str
    used: int = 0
    refused: Listed = field(default_factory=Listed)
    kept_out: Listed = field(default_factory=Listed)
    repeated: int = 0
    contradicting: list[str] = field(default_factory=list)
    contradictions: int = 0
    changes: Counter[str] = field(default_factory=Counter)  # made so that samples fit
    folders: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)  # folders that hold a file
    unmeant: dict[str, Listed] = field(default_factory=dict)  # by folder: files that may not be meant as samples
    started: float = field(default_factory=time.monotonic)

    @property
    def read(self) -> int:
        """Samples seen so far, used or refused."""
        return self.used + self.refused.count + sum(listed.count for listed in self.unmeant.values())

    def fill(self, path: str) -> None:
        """Remember that the folder of a file is not empty.

        Args:
            path: of the file, relative to the source.
        """
        self.filled.add(path.rpartition("/")[0])

    def refuse(self, path: str, reason: str) -> None:
        """Count a file that cannot be used; whether one of another kind was meant as a sample shows at the end.

        Args:
            path: of the file, relative to the source.
            reason: for the person whose file it is.
        """
        self.fill(path)
        if self.is_meant(path):
            self.refused.add(path, reason)
        else:
            self.unmeant.setdefault(path.rpartition("/")[0], Listed()).add(path, reason)
        self._tell(1)

    def use(self, count: int) -> None:
        """Count samples that can be used.

        Args:
            count: how many more.
        """
        self.used += count
        self._tell(count)

    def finish(self) -> None:
        """Settle files of other kinds: refused in a class folder, passed over in a folder of folders."""
        outer = {parent for folder in self.folders | self.filled for parent in _parents(folder)}
        for folder, listed in self.unmeant.items():
            if folder not in outer:
                for refusal in listed.first:
                    self.refused.add(refusal.file, refusal.reason)
                self.refused.count += listed.count - len(listed.first)
        self.unmeant = {}

    def contradict(self, name: str, other: str) -> None:
        """Count equal samples with different labels.

        Args:
            name: of a sample in the source.
            other: of the one that it equals.
        """
        self.contradictions += 1
        if len(self.contradicting) < SHOWN:
            self.contradicting.append(f"{name} and {other}")

    def notes(self, changes: list[str]) -> list[str]:
        """Return what was seen, in sentences.

        Args:
            changes: sentences about samples that were made to fit.
        """
        outer = {parent for folder in self.folders | self.filled for parent in _parents(folder)}
        empty = sorted(self.folders - self.filled - outer)
        notes = [f"The class folder {folder} is empty." for folder in empty]
        notes += changes
        if self.repeated:
            notes.append(f"{self.repeated:,} samples are equal to another one of the same split; all are used.")
        if self.contradictions:
            examples = ", ".join(self.contradicting)
            notes.append(f"{self.contradictions:,} equal {self.things} have different labels, for example {examples}.")
        return notes

    def _tell(self, count: int) -> None:
        read = self.read
        if read // PROGRESS > (read - count) // PROGRESS:
            rate = read / max(1e-9, time.monotonic() - self.started)
            print(f"{read:,} samples read, {self.refused.count:,} refused, {rate:,.0f} a second")


def _parents(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
