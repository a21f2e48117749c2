"""NumPy archives (.npz) as Keras writes them, read row by row; pickled objects are refused."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tasks.errors import SourceError
from tasks.samples import SplitName
from tasks.workloads.items import Item, RawSample, TakeFile

# names of images and labels, and the split that they declare
PAIRS: tuple[tuple[str, str, SplitName | None], ...] = (
    ("x_train", "y_train", "train"),
    ("x_validation", "y_validation", "validation"),
    ("x_val", "y_val", "validation"),
    ("x_test", "y_test", "test"),
    ("x", "y", None),
    ("images", "labels", None),
)
CHUNK_BYTES = 1 << 20
EXPECTED = (
    "x_train, y_train, x_test, y_test, or x, y, or images, labels: uint8 images [n, height, width] or "
    "[n, height, width, channels], labels [n] as integers or names, and, if you like, the names as classes"
)


@dataclass(frozen=True)
class Array:
    """One array of the archive that is read in rows."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    file: IO[bytes]

    def rows(self) -> Iterator[NDArray[Any]]:
        """Yield the array's rows, of which only a chunk is in memory.

        Raises:
            BadZipFile: the array is cut short.
        """
        row_bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        step = max(1, CHUNK_BYTES // max(1, row_bytes))
        for start in range(0, self.shape[0], step):
            size = min(step, self.shape[0] - start)
            content = self.file.read(size * row_bytes)
            if len(content) != size * row_bytes:
                raise zipfile.BadZipFile(f"the array {self.name} is cut short")
            yield from np.frombuffer(content, self.dtype).reshape(size, *self.shape[1:])


def read_npz(file: IO[bytes], location: str, take: TakeFile) -> Iterator[Item]:  # noqa: ARG001 — it has no files
    """Yield the samples of an .npz archive, split after split.

    Args:
        file: the archive, open.
        location: of the archive, for messages.
        take: not asked, as the archive has no files of samples.

    Raises:
        SourceError: the archive is damaged, or its arrays are not of the expected names, types and shapes.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = {member.removesuffix(".npy") for member in archive.namelist()}
            pairs = [pair for pair in PAIRS if {pair[0], pair[1]} <= names]
            if not pairs:
                raise _unfit(location, f"arrays named {', '.join(sorted(names)) or 'nothing'}")
            classes = _class_names(archive, location) if "classes" in names else None
            for images, labels, split in pairs:
                yield from _pair(archive, location, (images, labels), split, classes)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise SourceError(
            f"Expected {location} to be a whole .npz archive. Received: {error}. Make or fetch it again."
        ) from None


def _pair(
    archive: zipfile.ZipFile,
    location: str,
    names: tuple[str, str],
    split: SplitName | None,
    classes: list[str] | None,
) -> Iterator[Item]:
    with archive.open(f"{names[0]}.npy") as pixel_file, archive.open(f"{names[1]}.npy") as label_file:
        images, labels = _open(names[0], pixel_file, location), _open(names[1], label_file, location)
        if images.dtype != np.uint8 or len(images.shape) not in (3, 4):
            raise _unfit(location, f"{images.name} of type {images.dtype} and shape {list(images.shape)}")
        if labels.dtype.kind not in "iuU" or not labels.shape or int(np.prod(labels.shape[1:])) != 1:
            raise _unfit(location, f"{labels.name} of type {labels.dtype} and shape {list(labels.shape)}")
        if images.shape[0] != labels.shape[0]:
            raise _unfit(location, f"{images.shape[0]} images and {labels.shape[0]} labels")
        for index, image, label in zip(count(), images.rows(), labels.rows(), strict=False):
            yield RawSample(f"{names[0]}[{index}]", _class(label.item(), classes, location), split, image)


def _open(name: str, file: IO[bytes], location: str) -> Array:
    """Read an array's header, and nothing else of it."""
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, fortran_order, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran_order, dtype = npy.read_array_header_2_0(file)
    else:
        raise _unfit(location, f"{name} in the .npy version {version}")
    if dtype.hasobject:
        raise _unfit(location, f"{name} of pickled objects, which could run code")
    if fortran_order and len(shape) > 1:
        raise _unfit(location, f"{name} in Fortran order, which cannot be read row by row")
    return Array(name, shape, dtype, file)


def _class_names(archive: zipfile.ZipFile, location: str) -> list[str]:
    with archive.open("classes.npy") as file:
        array = _open("classes", file, location)
        return [str(name) for name in array.rows()]


def _class(label: Any, classes: list[str] | None, location: str) -> str:
    if classes is None or not isinstance(label, int):
        return str(label)
    if not 0 <= label < len(classes):
        raise _unfit(location, f"the label {label} and {len(classes)} classes")
    return classes[label]


def _unfit(location: str, received: str) -> SourceError:
    return SourceError(f"Expected {location} to hold {EXPECTED}. Received: {received}. Save the arrays so.")
