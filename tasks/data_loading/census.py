"""What was seen while a source was read: counted, and the first of each kind kept for a person to read."""

import time
from bisect import insort
from dataclasses import dataclass, field

from tasks.data_loading.sources.naming import looks_like_image
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
        """Count one more."""
        self.count += 1
        insort(self.first, Refusal(file=name, reason=reason), key=lambda refusal: (refusal.file, refusal.reason))
        del self.first[KEPT:]


@dataclass
class Census:
    """Everything that ``dataset.json`` tells beside the samples themselves."""

    used: int = 0
    refused: Listed = field(default_factory=Listed)
    kept_out: Listed = field(default_factory=Listed)
    repeated: int = 0
    contradicting: list[str] = field(default_factory=list)
    contradictions: int = 0
    resized: int = 0
    recoloured: int = 0
    folders: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)  # folders that hold a file
    asides: dict[str, Listed] = field(default_factory=dict)  # by folder: refused files that are no pictures
    started: float = field(default_factory=time.monotonic)

    @property
    def read(self) -> int:
        """Samples seen so far, used or refused."""
        return self.used + self.refused.count + sum(listed.count for listed in self.asides.values())

    def fill(self, path: str) -> None:
        """Remember that the folder of a file is not empty."""
        self.filled.add(path.rpartition("/")[0])

    def refuse(self, path: str, reason: str) -> None:
        """Count a file that cannot be used; whether one that is no picture was meant as a sample shows at the end."""
        self.fill(path)
        if looks_like_image(path):
            self.refused.add(path, reason)
        else:
            self.asides.setdefault(path.rpartition("/")[0], Listed()).add(path, reason)
        self._tell(1)

    def use(self, count: int) -> None:
        """Count samples that can be used."""
        self.used += count
        self._tell(count)

    def finish(self) -> None:
        """Settle the files that are no pictures: refused in a class folder, passed over in a folder of folders."""
        outer = {parent for folder in self.folders | self.filled for parent in _parents(folder)}
        for folder, listed in self.asides.items():
            if folder not in outer:
                for refusal in listed.first:
                    self.refused.add(refusal.file, refusal.reason)
                self.refused.count += listed.count - len(listed.first)
        self.asides = {}

    def contradict(self, name: str, other: str) -> None:
        """Count equal images of different classes."""
        self.contradictions += 1
        if len(self.contradicting) < SHOWN:
            self.contradicting.append(f"{name} and {other}")

    def notes(self, shape: str) -> list[str]:
        """What was seen, in sentences."""
        outer = {parent for folder in self.folders | self.filled for parent in _parents(folder)}
        empty = sorted(self.folders - self.filled - outer)
        notes = [f"The class folder {folder} is empty." for folder in empty]
        if self.resized:
            notes.append(f"{self.resized:,} images were resized to {shape}.")
        if self.recoloured:
            notes.append(f"{self.recoloured:,} images were turned from grey to colour or from colour to grey.")
        if self.repeated:
            notes.append(f"{self.repeated:,} samples are equal to another one of the same split; all are used.")
        if self.contradictions:
            examples = ", ".join(self.contradicting)
            notes.append(f"{self.contradictions:,} equal images have different classes, for example {examples}.")
        return notes

    def _tell(self, count: int) -> None:
        read = self.read
        if read // PROGRESS > (read - count) // PROGRESS:
            rate = read / max(1e-9, time.monotonic() - self.started)
            print(f"{read:,} samples read, {self.refused.count:,} refused, {rate:,.0f} a second")


def _parents(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
