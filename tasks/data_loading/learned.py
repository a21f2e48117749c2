"""What is learned of the training samples before any can be encoded: a vocabulary, for one."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from tasks.config import Data, Split
from tasks.data_loading.bucket_sort import BucketWriter
from tasks.data_loading.writing import assignments, strictest_of
from tasks.errors import DataError, UnfitError
from tasks.files import write_bytes
from tasks.samples import ASSET_NAME, ASSETS, MAX_ASSET, Asset, SplitName
from tasks.workloads.protocol import LearnedReader, LearningReader


def learn(reader: LearningReader, writer: BucketWriter, declared: Collection[SplitName], data: Data) -> LearnedReader:
    """Let a reader learn of the samples of the train split, in the order of their digests.

    Args:
        reader: that is to learn.
        writer: of the buckets, which stay.
        declared: the splits that the source declares.
        data: the part of params.yaml.

    Raises:
        UnfitError: there is nothing to be learned.
    """
    try:
        return reader.learn(_training_contents(writer, declared, data.split))
    except ValueError as error:
        raise UnfitError(
            f"Expected training samples in {data.source} that something can be learned of. Received: {error}. "
            f"Add data, or change data.{data.workload}."
        ) from None


def _training_contents(writer: BucketWriter, declared: Collection[SplitName], split: Split) -> Iterator[bytes]:
    for bucket in writer.buckets(keep=True):
        for assigned in assignments(bucket, declared, split):
            for name, entry in strictest_of(assigned):
                if name == "train":
                    yield bucket.content(entry)


def write_assets(assets: Mapping[str, bytes], folder: Path) -> tuple[Asset, ...]:
    """Write what was learned beside the shards.

    Args:
        assets: files by their names.
        folder: of the prepared data.

    Raises:
        DataError: a name cannot be that of a release's file, or a file is too large.
    """
    for name, content in assets.items():
        if not ASSET_NAME.fullmatch(name) or len(content) > MAX_ASSET:
            raise DataError(
                f"Expected what the workload learns to have names of letters, digits, dots, - and _, and at most "
                f"{MAX_ASSET:,} bytes each. Received: {name[:100]!r} of {len(content):,} bytes."
            )
        (folder / ASSETS).mkdir(exist_ok=True)
        write_bytes(folder / ASSETS / name, content)
    return tuple(
        Asset(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(assets.items())
    )
