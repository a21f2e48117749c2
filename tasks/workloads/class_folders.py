"""Files in class folders: the folders that a file lies in tell its class and its split.

The folder that holds a file names its class. A folder right above it that is called ``train``, ``test``,
``validation``, ``val`` or ``valid`` declares the split. All folders further out are only wrapping::

    cats-and-dogs-v2/train/cat/0001.jpg     class cat, declared to be in train
    cat/0001.jpg                            class cat, nothing declared
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.paths import clean, is_litter
from tasks.samples import SplitName
from tasks.workloads.items import Item, RawSample, RefusedSample, SourceFile

SPLIT_FOLDERS: dict[str, SplitName] = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
}


@dataclass(frozen=True)
class ClassFiles:
    """Files of which each is one sample, in class folders.

    ``kind``: of the files, for messages. ``suffixes``: endings of their names; a name without one may be of any kind.
    ``most_bytes``: of a file; a larger one is refused unread.
    """

    kind: str
    suffixes: frozenset[str]
    most_bytes: int

    def claims(self, path: str) -> bool:
        """Return whether the file's ending is one of these, or it has none.

        Args:
            path: relative to the source.
        """
        stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
        return not (dot and stem) or suffix.lower() in self.suffixes

    def take(self, file: SourceFile) -> Iterator[Item]:
        """Yield the sample that a file is, its refusal, or nothing where it was not meant as one.

        Args:
            file: of the source; it is read only if it may be a sample.
        """
        name = clean(file.path)
        if is_litter(name):
            return
        found = class_and_split(name)
        if isinstance(found, str):
            if self.claims(name):
                yield RefusedSample(name, found)
        elif file.size > self.most_bytes:
            yield RefusedSample(name, f"{file.size:,} bytes: expected {self.kind} of at most {self.most_bytes:,}")
        else:
            yield RawSample(name, *found, file.read())


def class_and_split(path: str) -> tuple[str, SplitName | None] | str:
    """Return class and declared split of a file, or the reason why it has none.

    Args:
        path: relative to the source, clean.
    """
    folders = path.split("/")[:-1]
    if not folders:
        return "not in a class folder: expected <class>/<file> or <split>/<class>/<file>"
    if folders[-1].lower() in SPLIT_FOLDERS:
        return f"right in {folders[-1]!r}: expected a class folder between the split and the file"
    split = SPLIT_FOLDERS.get(folders[-2].lower()) if len(folders) > 1 else None
    return folders[-1], split
