"""Items of a source: raw samples, files that cannot be samples, and folders."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.samples import SplitName

Payload = bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample as the source holds it.

    ``payload`` is an encoded file, or for images their pixels as uint8 ``[height, width]`` or ``[height, width,
    channels]``. ``label`` is the name of its class, or for other outcomes its target as text, as
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


Item = RawSample | RefusedSample | Folder

# A workload's view of a file: its path in the source, its size in bytes, and a function that reads it, which is called
# only where the file may hold samples. A file may hold one sample, many, or nothing that was meant as one.
TakeFile = Callable[[str, int, Callable[[], bytes]], Iterable[Item]]
