"""The prepared data set on disk, as every later stage reads it: ``dataset.json`` and TFRecord shards.

A shard holds ``tf.train.Example`` records with the features ``image`` (raw uint8, ``height × width × channels``,
row by row), ``label`` (int64) and ``name`` (the sample's place in the source). TensorFlow is not needed to read them.

``test.places`` names the samples of the test split for the ledger of decisions: of each the hash of its image as it
was decoded, before it was brought to the size that params.yaml asks for (see :mod:`tasks.data_loading.splitting`).
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import DataError
from tasks.files import sha256
from tasks.records import Record, read_record

PREPARED = Path("data/prepared")
PLACES = "test.places"
SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


class Shard(Record):
    """One TFRecord file."""

    file: str
    samples: int
    bytes: int
    sha256: str


class Part(Record):
    """One split: how many samples there are of each class, and the shards that hold them."""

    samples: int
    per_class: dict[str, int]
    shards: tuple[Shard, ...]


class Refusal(Record):
    """A sample that could not be used, and why."""

    file: str
    reason: str


class Dataset(Record):
    """What was prepared, from what, and what was left out.

    Where the source lies is not in here: location is not content, and the same samples give the same file.
    ``source_digest`` is of what was read: every sample's pixels, class and split, whatever their order, packing or
    age. ``refused`` and ``kept_out`` list at most 1,000 samples each; the counts are of all. ``kept_out`` are samples
    that are not used since an equal one is in the test or the validation split. ``notes`` are sentences for a person:
    resized images, classes missing from a split, equal samples with different labels.
    """

    workload: Literal["image"]
    source_digest: str
    classes: tuple[str, ...]
    height: int
    width: int
    channels: int
    splits: dict[SplitName, Part]
    read: int
    refused_samples: int
    refused: tuple[Refusal, ...]
    kept_out_samples: int
    kept_out: tuple[Refusal, ...]
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)`` of every image."""
        return self.height, self.width, self.channels


def read_dataset(folder: Path = PREPARED) -> Dataset:
    """Read ``dataset.json`` of a prepared data set.

    Raises:
        DataError: there is none, or it is of another version.
    """
    return read_record(folder / "dataset.json", Dataset)


def shard_files(split: SplitName, folder: Path = PREPARED) -> list[Path]:
    """The shards of a split, in the order of their samples."""
    return [folder / shard.file for shard in read_dataset(folder).splits[split].shards]


def read_batches(
    split: SplitName, batch: int, folder: Path = PREPARED
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Stream a split without TensorFlow, in the order it is stored.

    Args:
        split: which one.
        batch: samples in a batch; the last one may be smaller.

    Yields:
        images uint8 ``[n, height, width, channels]`` and labels int64 ``[n]``.

    Raises:
        DataError: a shard is missing, cut short or fails its checksums.
    """
    from tasks.tfrecord import decode, read_records

    dataset = read_dataset(folder)
    pixels = dataset.height * dataset.width * dataset.channels
    samples = (decode(record) for shard in dataset.splits[split].shards for record in read_records(folder / shard.file))
    while chunk := list(islice(samples, batch)):
        if any(len(sample.image) != pixels for sample in chunk):
            raise DataError(
                f"Expected images of {pixels:,} bytes in the shards of {split}, as {folder}/dataset.json says. "
                f"Received: others. Run the load stage again (`dvc repro load`)."
            )
        images = np.frombuffer(b"".join(sample.image for sample in chunk), np.uint8)
        yield images.reshape(-1, *dataset.shape), np.array([sample.label for sample in chunk], np.int64)


def read_places(folder: Path = PREPARED) -> NDArray[np.uint64]:
    """The hashes by which the ledger knows the samples of the test split, ``[n]``, in the order they are stored.

    Raises:
        DataError: they are missing, or are not as many as the samples.
    """
    path, samples = folder / PLACES, read_dataset(folder).splits["test"].samples
    content = path.read_bytes() if path.exists() else b""
    if len(content) != 8 * samples:
        raise DataError(
            f"Expected {path} to name {samples:,} test samples in 8 bytes each. Received: {len(content):,} bytes. "
            f"Run the load stage again (`dvc repro --force load`)."
        )
    return np.frombuffer(content, "<u8").astype(np.uint64)


def split_digest(split: SplitName, folder: Path = PREPARED) -> str:
    """SHA-256 of a split's samples: classes, pixels and labels, whatever their order and packing.

    Raises:
        DataError: see :func:`read_batches`.
    """
    read_dataset(folder)  # says what is wrong with it
    return _digest(split, folder.resolve(), sha256(folder / "dataset.json"))


@lru_cache(maxsize=8)
def _digest(split: SplitName, folder: Path, description: str) -> str:
    """The digest, read once for each description: that names the shards by their SHA-256."""
    del description
    dataset = read_dataset(folder)
    found = [
        hashlib.blake2b(f"{dataset.classes[label]}\n".encode() + image.tobytes(), digest_size=16).digest()
        for images, labels in read_batches(split, 256, folder)
        for image, label in zip(images, labels, strict=True)
    ]
    head = f"{dataset.shape}\n{chr(10).join(dataset.classes)}\n\n"
    return hashlib.sha256(head.encode() + b"".join(sorted(found))).hexdigest()
