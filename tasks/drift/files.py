"""Files that nobody has prepared, as what a device has collected: read as a device's questions are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.drift.profiling import BATCH, profile_of
from tasks.drift.records import Profile
from tasks.errors import DataError
from tasks.paths import clean, is_litter
from tasks.samples import Inputs
from tasks.workloads import find_workload, reading_of
from tasks.workloads.items import Item, RawSample, SourceFile


@dataclass
class Passed:
    """Files that were not used: how many, and the first reason."""

    count: int = 0
    first: str = ""
    unlabelled: int = 0  # of those that were used, how many lie in no class's folder


def profile_files(folder: Path, like: Profile) -> tuple[Profile, Passed]:
    """Return what the files below a folder are like, read as those of a profile were.

    Classes count where every file lies in the folder of a class that the profile has.

    Args:
        folder: of files; class folders or none.
        like: names the workload and the inputs.

    Raises:
        DataError: there is no such folder, or no file in it can be used.
    """
    if not folder.is_dir():
        raise DataError(f"Expected a folder of samples. Received: {folder}, which is none. Name another one.")
    passed, classes = Passed(), tuple(like.classes)
    profile = profile_of(like.workload, like.inputs, _batches(folder, like, classes, passed), classes)
    if not profile.samples:
        raise DataError(
            f"Expected samples in {folder}. Received: {f'none; {passed.first}' if passed.first else 'no files'} "
            f"Put them there, or name another folder."
        )
    return (profile.model_copy(update={"classes": {}}) if passed.unlabelled else profile), passed


def _batches(
    folder: Path, like: Profile, classes: tuple[str, ...], passed: Passed
) -> Iterator[tuple[Inputs, Array | None]]:
    reading, waiting = reading_of(like.workload), list[dict[str, Array]]()
    labels: list[int] = []

    def batch() -> tuple[Inputs, Array | None]:
        inputs = Inputs({spec.name: np.stack([each[spec.name] for each in waiting]) for spec in like.inputs})
        return inputs, np.array(labels) if len(labels) == len(waiting) else None

    for path in sorted(folder.rglob("*")):
        name = clean(path.relative_to(folder).as_posix())
        if is_litter(name) or not path.is_file() or not reading.is_meant(name):
            continue
        try:
            waiting.append(dict(reading.ask(path, like.inputs, {})))
        except DataError as error:
            passed.count += 1
            passed.first = passed.first or str(error)
            continue
        label = _label(
            reading.take_file(find_workload(like.workload).settings())(SourceFile(name, path.stat().st_size, bytes))
        )
        if label in classes:
            labels.append(classes.index(label))
        else:
            passed.unlabelled += 1
        if len(waiting) == BATCH:
            yield batch()
            waiting.clear()
            labels.clear()
    if waiting:
        yield batch()


def _label(items: Iterable[Item]) -> str:
    found = [item.label for item in items if isinstance(item, RawSample)]
    return found[0] if len(found) == 1 else ""
