"""Learn of the training samples before any sample can be encoded: a vocabulary, for one."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tasks.config import Data
from tasks.data_loading.assigning import assign
from tasks.data_loading.bucket_sort import Bucket
from tasks.data_loading.strata import Splitter
from tasks.data_loading.workers import Workers
from tasks.errors import DataError, UnfitError
from tasks.files import write_bytes
from tasks.samples import ASSET_NAME, ASSETS, MAX_ASSET, SPLITS, Asset
from tasks.workloads import find_workload
from tasks.workloads.protocol import LearnedReader, LearningReader

PART = 4 << 20  # bytes of buckets that are looked at in one go


def learn(
    reader: LearningReader, buckets: Sequence[Path], splitter: Splitter, data: Data, workers: Workers
) -> LearnedReader:
    """Let a reader learn of the samples of the train split, in the order of their digests.

    Args:
        reader: that is to learn.
        buckets: files of the samples; they stay.
        splitter: tells their splits.
        data: the part of params.yaml.
        workers: study, where there is much to do.

    Returns:
        the reader of all samples.

    Raises:
        UnfitError: there is nothing to be learned.
    """
    work = partial(_study, reader=reader, splitter=splitter)
    parts = list(_parts(buckets))
    try:
        return reader.learn(workers.in_order(work, parts) if len(parts) > 1 else map(work, parts))
    except ValueError as error:
        raise UnfitError(
            f"Expected training samples in {data.source} that something can be learned of. Received: {error}. "
            f"Add data, or change data.{find_workload(data.workload).name}."
        ) from None


def _parts(buckets: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield buckets in parts of about :data:`PART` bytes: what is seen in a part is to be handed over and merged."""
    part, size = list[Path](), 0
    for path in buckets:
        part.append(path)
        size += path.stat().st_size
        if size >= PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def _study(paths: Sequence[Path], reader: LearningReader, splitter: Splitter) -> Any:
    return reader.study(chain.from_iterable(_contents(path, splitter) for path in paths))


def _contents(path: Path, splitter: Splitter) -> Iterator[bytes]:
    """Yield what waits of the train split in a bucket."""
    with Bucket(path) as bucket:
        assigned = assign(bucket, splitter)
        train = assigned.kept & (assigned.splits == SPLITS.index("train"))
        yield from bucket.contents(assigned.rows[train], assigned.offsets[train])


def write_assets(assets: Mapping[str, bytes], folder: Path) -> tuple[Asset, ...]:
    """Write what was learned beside the shards.

    Args:
        assets: files by their names.
        folder: of the prepared data.

    Returns:
        what ``dataset.json`` says of them, by name.

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
