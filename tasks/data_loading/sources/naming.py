"""Which class and which split a file belongs to, told by the folders it lies in.

The folder that holds a file names its class. A folder right above it that is called ``train``, ``test``,
``validation``, ``val`` or ``valid`` declares the split. All folders further out are only wrapping::

    cats-and-dogs-v2/train/cat/0001.jpg     class cat, declared to be in train
    cat/0001.jpg                            class cat, nothing declared
"""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from tasks.data_loading.sources.protocol import RawSample, RefusedSample
from tasks.samples import SplitName

SPLIT_FOLDERS: dict[str, SplitName] = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
}
LITTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
IMAGE_SUFFIXES = frozenset(
    {"jpg", "jpeg", "jpe", "png", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "pbm", "pnm"}
)
MAX_FILE_BYTES = 64 << 20  # of one encoded image


def clean(path: str) -> str:
    """A path as slimline writes it: ``/`` between folders, nothing empty, composed Unicode, valid UTF-8."""
    if path.isascii() and not path.startswith(("/", ".")) and "//" not in path and "/." not in path:
        return path.rstrip("/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    name = "/".join(parts).encode("utf-8", "backslashreplace").decode()
    return unicodedata.normalize("NFC", name)


def local(location: str) -> str:
    """Where a file or folder really lies: relative to the project if it is inside, else absolute.

    ``photos``, ``photos/``, ``./photos``, the absolute path and a link to the folder give the same.
    """
    path, here = os.path.realpath(Path(location).expanduser()), os.path.realpath(Path.cwd())
    return Path(path).relative_to(here).as_posix() if Path(path).is_relative_to(here) else path


def danger(path: str) -> str | None:
    """Why a path out of an archive may lead out of it, or None."""
    if path.startswith(("/", "\\")) or path[1:3] in (":\\", ":/"):
        return "an absolute path: archives must hold relative ones"
    if ".." in path.replace("\\", "/").split("/"):
        return "a path with '..': archives must not lead out of themselves"
    return None


def is_litter(path: str) -> bool:
    """Whether a path is hidden or left behind by an operating system: never meant as a sample."""
    return any(part.startswith(".") or part in LITTER for part in path.split("/"))


def looks_like_image(path: str) -> bool:
    """Whether the file's ending is that of a picture, or it has none."""
    stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return not (dot and stem) or suffix.lower() in IMAGE_SUFFIXES


def place(path: str) -> tuple[str, SplitName | None] | str:
    """Class and declared split of a clean path, or the reason why it has none."""
    folders = path.split("/")[:-1]
    if not folders:
        return "not in a class folder: expected <class>/<file> or <split>/<class>/<file>"
    if folders[-1].lower() in SPLIT_FOLDERS:
        return f"right in {folders[-1]!r}: expected a class folder between the split and the file"
    split = SPLIT_FOLDERS.get(folders[-2].lower()) if len(folders) > 1 else None
    return folders[-1], split


def file_item(path: str, size: int, read: Callable[[], bytes]) -> RawSample | RefusedSample | None:
    """What a file in a tree of folders is: a sample, one that is refused, or nothing that was meant as one.

    Args:
        path: relative to the source.
        size: bytes.
        read: gives the content; called only if the file may be a sample.
    """
    name = clean(path)
    if is_litter(name):
        return None
    placed = place(name)
    if isinstance(placed, str):
        return RefusedSample(name, placed) if looks_like_image(name) else None
    if size > MAX_FILE_BYTES:
        return RefusedSample(name, f"{size:,} bytes: expected an image file of at most {MAX_FILE_BYTES:,}")
    return RawSample(name, *placed, read())
