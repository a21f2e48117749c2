"""Items of a source: raw samples, rows of tables, files that cannot be samples, and folders."""

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tasks.samples import SplitName

BETWEEN = "\x1e"  # cells on their way to another process
Payload = bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample as the source holds it.

    ``payload`` is an encoded file, a text in UTF-8, or for images their pixels as uint8 ``[height, width]`` or
    ``[height, width, channels]``. ``label`` is the name of its class, or for other outcomes its target as text, as
    ``3.5``. ``split`` is what the source declares, if it does.
    """

    name: str
    label: str
    split: SplitName | None
    payload: Payload


@dataclass(frozen=True, slots=True)
class RefusedSample:
    """A file that cannot be a sample, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that the source names, be there anything in it or not."""

    path: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, one behind the other, of which a :class:`~tasks.workloads.protocol.RowReader` makes samples.

    ``file``: where they are in the source. ``numbers``: of the rows in it, from 1. ``rows``: the cells of each.
    ``split``: what the source declares of them, if it does.
    """

    file: str
    numbers: Sequence[int]
    rows: Sequence[Sequence[str]]
    split: SplitName | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Give other processes all cells as one text, which takes a third of the time, where each row has as many."""
        width = len(self.rows[0]) if self.rows else 0
        if width and set(map(len, self.rows)) == {width}:
            cells = BETWEEN.join(chain.from_iterable(self.rows))
            if cells.count(BETWEEN) == width * len(self.rows) - 1:
                return _of_cells, (self.file, self.numbers, cells, width, self.split)
        return Rows, (self.file, self.numbers, self.rows, self.split)


def _of_cells(file: str, numbers: Sequence[int], cells: str, width: int, split: SplitName | None) -> Rows:
    each = iter(cells.split(BETWEEN))
    return Rows(file, numbers, list(zip(*[each] * width, strict=True)), split)


Item = RawSample | Rows | RefusedSample | Folder


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source, which is read only where it may hold samples.

    ``path``: in the source. ``size``: bytes, -1 where it is not known. ``read``: gives the content. ``stream``: opens
    the content as a stream, for files that memory might not hold.
    """

    path: str
    size: int
    read: Callable[[], bytes]
    stream: Callable[[], AbstractContextManager[IO[bytes]]] | None = None

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open the content as a stream.

        Returns:
            a stream, from the first byte on; it is closed with the block.
        """
        return self.stream() if self.stream else io.BytesIO(self.read())


# A workload's view of a file: it may hold one sample, many, or nothing that was meant as one.
TakeFile = Callable[[SourceFile], Iterable[Item]]
