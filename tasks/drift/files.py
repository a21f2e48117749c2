"""Files that nobody has prepared, as what a device has collected: read as a device's questions are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from tasks.arrays import Array
from tasks.drift.profiling import BATCH, profile_of
from tasks.drift.records import Profile
from tasks.errors import DataError, SlimlineError
from tasks.paths import clean, is_litter
from tasks.samples import Inputs
from tasks.settings import Settings
from tasks.workloads import find_workload, reading_of
from tasks.workloads.items import Item, RawSample, RefusedSample, SourceFile
from tasks.workloads.protocol import CutsCollected, LearnedReader, LearnedReading, UnusableError

LabelledSample = tuple[str, Mapping[str, Array]]  # its label, empty where it has none, and its inputs by name


@dataclass
class Passed:
    """Files that were not used: how many, and the first reason."""

    count: int = 0
    first: str = ""
    unlabelled: int = 0  # of those that were used, how many have no class that is known

    def over(self, reason: str) -> None:
        """Count one that is not used.

        Args:
            reason: for the person whose file it is.
        """
        self.count += 1
        self.first = self.first or reason


def profile_files(
    folder: Path, like: Profile, reader: LearnedReader | None = None, settings: Settings | None = None
) -> tuple[Profile, Passed]:
    """Return what the files below a folder are like, read as those of a profile were.

    Classes count where every sample has one that the profile has: files, by the folders that they lie in.

    Args:
        folder: of files; class folders or none.
        like: names the workload and the inputs.
        reader: that a release has learned, where questions are read by one.
        settings: ``data.<name>``; by default the workload's own.

    Returns:
        the profile, and what was passed over.

    Raises:
        DataError: there is no such folder, or no file in it can be used.
    """
    if not folder.is_dir():
        raise DataError(f"Expected a folder of samples. Received: {folder}, which is none. Name another one.")
    passed, classes = Passed(), tuple(like.classes)
    given = settings or find_workload(like.workload).settings()
    samples = _asked(folder, like, given, passed) if reader is None else _learned(folder, like, reader, given, passed)
    profile = profile_of(like.workload, like.inputs, _batches(samples, like, passed), classes)
    if not profile.samples:
        raise DataError(
            f"Expected samples in {folder}. Received: {f'none; {passed.first}' if passed.first else 'no files'} "
            f"Put them there, or name another folder."
        )
    return (profile.model_copy(update={"classes": {}}) if passed.unlabelled else profile), passed


def _files(folder: Path, like: Profile) -> Iterator[SourceFile]:
    meant = reading_of(like.workload).is_meant
    for path in sorted(folder.rglob("*")):
        name = clean(path.relative_to(folder).as_posix())
        if not is_litter(name) and path.is_file() and meant(name):
            yield SourceFile(name, path.stat().st_size, path.read_bytes, partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _asked(folder: Path, like: Profile, settings: Settings, passed: Passed) -> Iterator[LabelledSample]:
    """Yield each file as a device's question, with the label of the folder that it lies in."""
    reading = reading_of(like.workload)
    take = reading.take_file(settings)
    for file in _files(folder, like):
        try:
            arrays = dict(reading.ask(folder / file.path, like.inputs, {}))
        except DataError as error:
            passed.over(str(error))
            continue
        yield _label(take(SourceFile(file.path, file.size, bytes))), arrays


def _learned(
    folder: Path, like: Profile, learned: LearnedReader, settings: Settings, passed: Passed
) -> Iterator[LabelledSample]:
    """Yield the samples of each file, encoded in the way that a release has learned."""
    reading = reading_of(like.workload)
    if not isinstance(reading, LearnedReading):
        raise DataError(f"Expected the workload {like.workload} to learn how to read. Received: one that does not.")
    for file in _files(folder, like):
        try:
            for sample in reading.collected(file, settings):
                if isinstance(sample, RefusedSample):
                    passed.over(f"{sample.name}: {sample.reason}.")
                    continue
                try:
                    if isinstance(reading, CutsCollected):
                        contents = [draft.content for draft in reading.cut(sample, settings)]
                    else:
                        contents = [reading.draft(sample, settings).content]
                    arrays = learned.encode(contents)
                except UnusableError as error:
                    passed.over(f"{sample.name}: {error}.")
                    continue
                for place in range(len(contents)):
                    yield sample.label, {name: array[place] for name, array in arrays.items()}
        except SlimlineError as error:
            passed.over(str(error))


def _batches(samples: Iterable[LabelledSample], like: Profile, passed: Passed) -> Iterator[tuple[Inputs, Array | None]]:
    classes = tuple(like.classes)
    for chunk in _lists(samples, BATCH):
        inputs = Inputs({spec.name: np.stack([arrays[spec.name] for _, arrays in chunk]) for spec in like.inputs})
        labels = [classes.index(label) for label, _ in chunk if label in classes]
        passed.unlabelled += len(chunk) - len(labels)
        yield inputs, np.array(labels) if len(labels) == len(chunk) else None


def _lists(samples: Iterable[LabelledSample], size: int) -> Iterator[list[LabelledSample]]:
    waiting = iter(samples)
    while chunk := list(islice(waiting, size)):
        yield chunk


def _label(items: Iterable[Item]) -> str:
    found = [item.label for item in items if isinstance(item, RawSample)]
    return found[0] if len(found) == 1 else ""
