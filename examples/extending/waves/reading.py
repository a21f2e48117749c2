"""Files of readings as samples, and as a device's question: numbers from 0 to 255 with commas between them."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tasks.errors import DataError
from tasks.samples import Specs, TensorSpec
from tasks.workloads.class_folders import ClassFiles
from tasks.workloads.items import Item, Payload, TakeFile
from tasks.workloads.protocol import Array, Example, UnusableError

from .workload import READINGS, WaveSettings

FILES = ClassFiles("a file of readings", frozenset({"csv"}), 1 << 16)


class WaveReader:
    """Brings windows to one length.

    Args:
        length: readings of a window.
    """

    def __init__(self, length: int) -> None:
        self.length = length

    @property
    def inputs(self) -> Specs:
        """The readings of a window, ``[length, 1]``."""
        return (TensorSpec(name=READINGS, dtype="uint8", shape=(self.length, 1), low=0, high=255),)

    def read(self, payload: Payload) -> Example:
        """Read a file's readings; those behind ``length`` are left out."""
        try:
            readings = np.array([int(part) for part in bytes(payload).decode().split(",")])
        except ValueError as error:
            raise UnusableError(f"no whole numbers with commas between them: {error}") from None
        if len(readings) < self.length or readings.min() < 0 or readings.max() > 255:
            raise UnusableError(f"expected at least {self.length} readings from 0 to 255")
        window = readings[: self.length].astype(np.uint8).reshape(self.length, 1)
        split_hash = int.from_bytes(hashlib.blake2b(window.tobytes(), digest_size=8).digest(), "little")
        return Example(split_hash, {READINGS: window}, ("cut",) if len(readings) > self.length else ())

    def tell(self, changes: Counter[str]) -> list[str]:
        """Say how many windows were cut."""
        return [f"{changes['cut']:,} windows were cut to {self.length} readings."] if changes["cut"] else []


class WaveReading:
    """The reading of files of readings."""

    layout = "<class>/<file>.csv"

    def take_file(self, settings: WaveSettings) -> TakeFile:  # noqa: ARG002 - they say nothing of files
        """A file in a class folder is a sample of that class."""
        return FILES.take

    def is_meant(self, path: str) -> bool:
        """Return whether the name ends as one of a file of readings does."""
        return FILES.claims(path)

    def reader(self, settings: WaveSettings, items: Iterator[Item]) -> tuple[WaveReader, Iterator[Item]]:
        """Take the length from params.yaml."""
        return WaveReader(settings.length), items

    def ask(
        self,
        question: str | Path,
        inputs: Specs,
        assets: Mapping[str, bytes],  # noqa: ARG002 - nothing is learned
    ) -> Mapping[str, Array]:
        """Read a question as a sample is read."""
        try:
            return WaveReader(inputs[0].shape[0]).read(Path(question).read_bytes()).inputs
        except (OSError, UnusableError) as error:
            raise DataError(f"Expected {question} to hold readings. Received: {error}.") from None
