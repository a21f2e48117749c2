"""The prepared data set on disk, as every later stage reads it: ``dataset.json`` and TFRecord shards.

A shard holds ``tf.train.Example`` records with a feature for each input (its bytes in C order, little-endian), by the
name that ``dataset.json`` has for it, one for the target (``label`` in int64 for classes) and ``name`` (where the
sample is in the source); where it was learned how to make inputs, ``content`` is what they are made of, as a text:
another release makes others of it. TensorFlow is not needed to read them.

``test.hashes`` names the samples of the test split for the ledger of decisions, by the hashes that decided their
splits (see :mod:`tasks.data_loading.splitting`): of an image as it was decoded, before it was brought to a size.
``validation.hashes`` does so for those of the validation split, by which candidates are chosen.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.arrays import Array
from tasks.errors import DataError
from tasks.files import sha256
from tasks.inputs import (
    DTYPES,
    Inputs,
    Specs,
    TensorSpec,
    as_inputs,
    concatenate,
    describe,
    out_of_range,
    size_of,
)
from tasks.records import FormattedRecord, Record, read_record

__all__ = [
    "ASSETS",
    "ASSET_NAME",
    "DTYPES",
    "LABEL",
    "MAX_ASSET",
    "PREPARED",
    "SPLITS",
    "TEST_HASHES",
    "VALIDATION_HASHES",
    "Asset",
    "Dataset",
    "Inputs",
    "Part",
    "Refusal",
    "Shard",
    "Specs",
    "SplitName",
    "TensorSpec",
    "as_inputs",
    "concatenate",
    "describe",
    "out_of_range",
    "read_assets",
    "read_batches",
    "read_contents",
    "read_dataset",
    "read_hashes",
    "read_validation_hashes",
    "shard_files",
    "size_of",
    "split_digest",
]

PREPARED = Path("data/prepared")
ASSETS = "assets"  # the folder of what was learned, beside dataset.json
ASSET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MAX_ASSET = 64 << 20  # bytes
TEST_HASHES, VALIDATION_HASHES = "test.hashes", "validation.hashes"
BEFORE = {TEST_HASHES: "test.places", VALIDATION_HASHES: "validation.places"}  # their names until 0.1; read once more
SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
LABEL = TensorSpec(name="label", dtype="int64", shape=(), low=0, high=2**31 - 1)  # the number of a class


class Shard(Record):
    """One TFRecord file."""

    file: str
    samples: int
    bytes: int
    sha256: str


class Part(Record):
    """One split: how many samples there are, of each class if there are classes, and the shards that hold them."""

    samples: int
    per_class: dict[str, int]
    shards: tuple[Shard, ...]


class Asset(Record):
    """A file that a device needs to read questions as samples were read, as a vocabulary."""

    name: str
    bytes: int
    sha256: str


class Refusal(Record):
    """A sample that could not be used, and why."""

    file: str
    reason: str


class Dataset(FormattedRecord):
    """The prepared data: what it was made from, and what was left out.

    Where the source lies is not in here: location is not content, and the same samples give the same file.
    ``source_digest`` is of what was read: every sample's inputs, class and split, whatever their order, packing or
    age. ``classes`` is empty where targets are numbers of another kind. ``refused`` and ``kept_out`` list at most 1,000
    samples each; the counts are of all. ``kept_out`` are samples that are not used since an equal one is in the test or
    the validation split. ``notes`` are sentences for a person: samples that were changed to fit, classes missing from a
    split, equal samples with different labels. ``assets`` are what the workload learned of the training samples; they
    lie in the folder ``assets``.
    """

    format: Literal[2] = 2
    workload: str
    source_digest: str
    classes: tuple[str, ...]
    inputs: Specs
    target: TensorSpec = LABEL
    assets: tuple[Asset, ...] = Field(default=(), exclude_if=lambda value: not value)
    splits: dict[SplitName, Part]
    read: int
    refused_samples: int
    refused: tuple[Refusal, ...]
    kept_out_samples: int
    kept_out: tuple[Refusal, ...]
    notes: tuple[str, ...]


def read_dataset(folder: Path = PREPARED) -> Dataset:
    """Return what ``dataset.json`` of a prepared data set says.

    Args:
        folder: of the prepared data.

    Raises:
        DataError: there is none, or it is of another version.
    """
    return read_record(folder / "dataset.json", Dataset)


def read_assets(folder: Path = PREPARED) -> dict[str, bytes]:
    """Read what the workload learned of the training samples, by the names of files.

    Args:
        folder: of the prepared data.

    Returns:
        the content of each file; none where nothing was learned.

    Raises:
        DataError: a file is missing, or another one than ``dataset.json`` names.
    """
    contents = {}
    for asset in read_dataset(folder).assets:
        path = folder / ASSETS / asset.name
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != asset.sha256:
            raise DataError(
                f"Expected {path} as {folder}/dataset.json names it. Received: {'another one' if content else 'none'}. "
                f"Run the load stage again (`dvc repro load`)."
            )
        contents[asset.name] = content
    return contents


def shard_files(split: SplitName, folder: Path = PREPARED) -> list[Path]:
    """Return the paths of a split's shards, in the order of their samples.

    Args:
        split: which one.
        folder: of the prepared data.
    """
    return [folder / shard.file for shard in read_dataset(folder).splits[split].shards]


def read_batches(split: SplitName, batch: int, folder: Path = PREPARED) -> Iterator[tuple[Inputs, Array]]:
    """Stream a split without TensorFlow, in the order it is stored.

    Args:
        split: which one.
        batch: samples in a batch; the last one may be smaller.
        folder: of the prepared data.

    Yields:
        inputs, and targets ``[n, *shape]``, both as ``dataset.json`` describes them.

    Raises:
        DataError: a shard is missing, cut short or fails its checksums.
    """
    from tasks.tfrecord import decode, read_records

    dataset = read_dataset(folder)
    names = [spec.name for spec in dataset.inputs]
    samples = (
        decode(record, names, dataset.target.name)
        for shard in dataset.splits[split].shards
        for record in read_records(folder / shard.file)
    )
    while chunk := list(islice(samples, batch)):
        arrays = {spec.name: _stacked(spec, [sample.inputs[spec.name] for sample in chunk]) for spec in dataset.inputs}
        if any(len(array) != len(chunk) for array in arrays.values()):
            raise DataError(
                f"Expected samples of {size_of(dataset.inputs):,} bytes in the shards of {split}, as "
                f"{folder}/dataset.json says. Received: others. Run the load stage again (`dvc repro load`)."
            )
        yield Inputs(arrays), _targets(dataset.target, [sample.target for sample in chunk], split, folder)


def _targets(spec: TensorSpec, targets: Sequence[float | bytes], split: SplitName, folder: Path) -> Array:
    """Return the targets of some samples, ``[n, *shape]``; of several numbers, zeros at the end are not stored."""
    if not spec.shape:
        return np.array(targets, spec.dtype)
    if any(not isinstance(target, bytes) or len(target) > spec.bytes for target in targets):
        raise DataError(
            f"Expected targets of at most {spec.bytes:,} bytes in the shards of {split}, as "
            f"{folder}/dataset.json says. Received: others. Run the load stage again (`dvc repro load`)."
        )
    filled = [target.ljust(spec.bytes, b"\0") for target in targets if isinstance(target, bytes)]
    return _stacked(spec, filled)


def read_contents(split: SplitName, batch: int, folder: Path = PREPARED) -> Iterator[list[bytes]]:
    """Stream what the inputs of a split were made of, in the order of its samples, where the workload has learned.

    Args:
        split: which one.
        batch: samples at a time; the last time there may be fewer.
        folder: of the prepared data.

    Returns:
        lists of contents, as long as the batches of :func:`read_batches`.

    Raises:
        DataError: a shard is missing, cut short or fails its checksums, or has no contents.
    """
    from tasks.tfrecord import decode_content, read_records

    contents = (
        decode_content(record)
        for shard in read_dataset(folder).splits[split].shards
        for record in read_records(folder / shard.file)
    )
    while chunk := list(islice(contents, batch)):
        yield chunk


def _stacked(spec: TensorSpec, contents: Sequence[bytes]) -> Array:
    """Return one input of some samples, ``[n, *shape]``; none of them where one has another size."""
    if any(len(content) != spec.bytes for content in contents):
        contents = ()
    little = np.dtype(spec.dtype).newbyteorder("<")
    return np.frombuffer(b"".join(contents), little).astype(spec.dtype, copy=False).reshape(-1, *spec.shape)


def read_hashes(folder: Path = PREPARED) -> NDArray[np.uint64]:
    """Return the hashes by which the ledger knows the samples of the test split, ``[n]``, in the order they are stored.

    Args:
        folder: of the prepared data.

    Raises:
        DataError: they are missing, or are not as many as the samples.
    """
    path, samples = _hashes_file(folder, TEST_HASHES), read_dataset(folder).splits["test"].samples
    content = path.read_bytes() if path.exists() else b""
    if len(content) != 8 * samples:
        raise DataError(
            f"Expected {path} to name {samples:,} test samples in 8 bytes each. Received: {len(content):,} bytes. "
            f"Run the load stage again (`dvc repro --force load`)."
        )
    return np.frombuffer(content, "<u8").astype(np.uint64)


def read_validation_hashes(folder: Path = PREPARED) -> NDArray[np.uint64]:
    """Return the hashes of the validation samples, ``[n]``; none where no load stage has written them.

    Args:
        folder: of the prepared data.

    Raises:
        DataError: the file is cut.
    """
    path = _hashes_file(folder, VALIDATION_HASHES)
    content = path.read_bytes() if path.exists() else b""
    if len(content) % 8:
        raise DataError(
            f"Expected {path} to name each validation sample in 8 bytes. Received: {len(content):,} bytes. "
            f"Run the load stage again (`dvc repro --force load`)."
        )
    return np.frombuffer(content, "<u8").astype(np.uint64)


def _hashes_file(folder: Path, name: str) -> Path:
    before = folder / BEFORE[name]
    return before if before.exists() and not (folder / name).exists() else folder / name


def split_digest(split: SplitName, folder: Path = PREPARED) -> str:
    """Return the SHA-256 of a split's samples: classes, inputs and targets, whatever their order and packing.

    Args:
        split: which one.
        folder: of the prepared data.

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
        hashlib.blake2b(f"{_label(dataset, target)}\n".encode() + sample.tobytes(), digest_size=16).digest()
        for inputs, targets in read_batches(split, 256, folder)
        for sample, target in zip(inputs, targets, strict=True)
    ]
    head = f"{' '.join(str(spec.shape) for spec in dataset.inputs)}\n{chr(10).join(dataset.classes)}\n\n"
    return hashlib.sha256(head.encode() + b"".join(sorted(found))).hexdigest()


def _label(dataset: Dataset, target: Any) -> str:
    if dataset.classes:
        return str(dataset.classes[target])
    return repr(target.tolist() if dataset.target.shape else target.item())
