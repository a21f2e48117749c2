"""Arrays in memory as prepared data: shards and ``dataset.json``, as the stage writes them of a source."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.data_loading.contents import check_specs, content_of
from tasks.data_loading.shards import ShardWriter
from tasks.errors import DataError
from tasks.records import write_record
from tasks.samples import DTYPES, LABEL, SPLITS, TEST_HASHES, Dataset, Inputs, Part, Specs, SplitName, TensorSpec
from tasks.tfrecord import Sample
from tasks.workloads.arrays import WORKLOAD
from tasks.workloads.protocol import UnusableError

SHARD_BYTES = 64 << 20
Labelled = tuple[Inputs, NDArray[Any]]


def prepare_arrays(parts: Mapping[SplitName, Labelled], folder: Path) -> Dataset:
    """Write samples and ``dataset.json`` to a new folder.

    Args:
        parts: samples of the splits, each with labels ``[n]``: integers or names.
        folder: where to.

    Returns:
        what ``dataset.json`` says.

    Raises:
        DataError: a type is not known, a value is no number, or there are fewer than two classes.
    """
    specs, classes = _specs(parts), _classes(parts)
    check_specs(specs, LABEL.name)
    if len(classes) < 2:
        raise DataError(f"Expected labels of at least two classes. Received: {', '.join(classes) or 'none'}.")
    folder.mkdir(parents=True)
    numbers = {name: number for number, name in enumerate(classes)}
    written = {split: _write(folder, split, parts.get(split), specs, numbers) for split in SPLITS}
    samples = sum(part.samples for part in written.values())
    dataset = Dataset(
        workload=WORKLOAD,
        source_digest="",
        classes=classes,
        inputs=specs,
        splits=written,
        read=samples,
        refused_samples=0,
        refused=(),
        kept_out_samples=0,
        kept_out=(),
        notes=(),
    )
    write_record(folder / "dataset.json", dataset)
    return dataset


def _specs(parts: Mapping[SplitName, Labelled]) -> Specs:
    """Describe the inputs by the values that they have; all of uint8 may be."""
    together: dict[str, list[NDArray[Any]]] = {}
    for inputs, _ in parts.values():
        for name, array in inputs.arrays.items():
            together.setdefault(name, []).append(array)
    return tuple(_spec(name, [array for array in arrays if array.size]) for name, arrays in together.items())


def _spec(name: str, arrays: list[NDArray[Any]]) -> TensorSpec:
    if not arrays or len({(array.dtype, array.shape[1:]) for array in arrays}) > 1:
        raise DataError(f"Expected samples of one type and shape in {name}. Received: others, or none.")
    dtype, low, high = arrays[0].dtype.name, 0.0, 255.0
    if dtype != "uint8" and dtype in DTYPES:
        low, high = float(np.min([each.min() for each in arrays])), float(np.max([each.max() for each in arrays]))
    return TensorSpec(name=name, dtype=dtype, shape=arrays[0].shape[1:], low=low, high=high)


def _classes(parts: Mapping[SplitName, Labelled]) -> tuple[str, ...]:
    """Return the labels, integers by their value and names by the alphabet."""
    labels = np.unique(np.concatenate([labels for _, labels in parts.values()]))
    return tuple(map(str, labels.tolist()))


def _write(folder: Path, split: SplitName, part: Labelled | None, specs: Specs, numbers: Mapping[str, int]) -> Part:
    with ShardWriter(folder, split, tuple(numbers), SHARD_BYTES) as writer:
        for number, (sample, label) in enumerate(zip(*part, strict=True) if part else ()):
            arrays = {name: array[0] for name, array in sample.arrays.items()}
            try:
                content_of(arrays, specs)
            except UnusableError as error:
                raise DataError(f"Expected numbers in sample {number} of {split}. Received: {error}.") from None
            contents = {name: array.astype(array.dtype.newbyteorder("<")).tobytes() for name, array in arrays.items()}
            writer.add(Sample(contents, numbers[str(label)], f"{split}[{number}]"))
    if split == "test":
        hashes = (struct.pack("<Q", number) for number in range(writer.samples))
        (folder / TEST_HASHES).write_bytes(b"".join(hashes))
    return writer.part()
