"""Fewer samples, for a run that only shows that everything works."""

import shutil
import tempfile
from itertools import islice
from pathlib import Path

from tasks.data_loading.shards import ShardWriter
from tasks.records import write_record
from tasks.samples import Dataset, Part, SplitName, read_dataset
from tasks.tfrecord import decode, read_records

SHARD_BYTES = 64 << 20


def thin(folder: Path, most: dict[SplitName, int]) -> Dataset:
    """Keep the first samples of some splits of a prepared data set; they lie in the order of a hash, so at random.

    Args:
        folder: of the prepared data.
        most: samples that stay, by split; other splits stay as they are.

    Returns:
        the data set as it is now.
    """
    dataset = read_dataset(folder)
    splits = {**dataset.splits}
    for split, count in most.items():
        if dataset.splits[split].samples > count:
            splits[split] = _thinned(folder, dataset, split, count)
    made = dataset.model_copy(update={"splits": splits})
    write_record(folder / "dataset.json", made)
    return made


def _thinned(folder: Path, dataset: Dataset, split: SplitName, count: int) -> Part:
    inputs, target, shards = [spec.name for spec in dataset.inputs], dataset.target.name, dataset.splits[split].shards
    samples = (decode(record, inputs, target) for shard in shards for record in read_records(folder / shard.file))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        with ShardWriter(Path(scratch), split, dataset.classes, SHARD_BYTES, target) as writer:
            for sample in islice(samples, count):
                writer.add(sample)
        part = writer.part()
        for shard in shards:
            (folder / shard.file).unlink()
        for shard in part.shards:
            shutil.move(Path(scratch) / shard.file, folder / shard.file)
    return part
