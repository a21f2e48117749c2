"""Prepared shards as a `tf.data` stream: the same samples in the same order for the same seed and epoch.

An epoch's order and its random changes follow from ``(seed, epoch)`` alone, so that a training that was
interrupted goes on exactly as it would have gone.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.backend import TfDataset, TfTensor, tensorflow, traced
from tasks.samples import LABEL, PREPARED, Dataset, SplitName, TensorSpec, read_dataset, shard_files
from tasks.workloads import learning_of
from tasks.workloads.protocol import Augmentation

SEED_0 = 2**31 - 2  # stands for 0; TensorFlow takes seeds modulo 2**31 - 1
SHUFFLE_BUFFER = 16_384  # samples; the shards themselves are already in the random order of their digests


def parse(records: TfTensor, spec: TensorSpec, target: TensorSpec = LABEL) -> tuple[TfTensor, TfTensor]:
    """Return inputs float32 ``[n, *shape]`` and targets ``[n]`` of serialized examples."""
    tf = tensorflow()
    features = tf.io.parse_example(
        records,
        {spec.name: tf.io.FixedLenFeature([], tf.string), target.name: tf.io.FixedLenFeature([], target.dtype)},
    )
    values = tf.reshape(tf.io.decode_raw(features[spec.name], spec.dtype), [-1, *spec.shape])
    return tf.cast(values, tf.float32), features[target.name]


def evaluation_batches(split: SplitName, batch_size: int, folder: Path = PREPARED) -> TfDataset:
    """A split in its stored order, once."""
    tf = tensorflow()
    dataset = read_dataset(folder)
    files = [str(path) for path in shard_files(split, folder)]
    return (
        tf.data.TFRecordDataset(files)
        .batch(batch_size)
        .map(traced(lambda records: parse(records, dataset.input, dataset.target)))
        .prefetch(tf.data.AUTOTUNE)
    )


def steps_per_epoch(dataset: Dataset, batch_size: int) -> int:
    """Batches in an epoch; the last one may be smaller."""
    return -(-dataset.splits["train"].samples // batch_size)


def training_batches(
    batch_size: int,
    seed: int,
    first_epoch: int,
    epochs: int,
    augmentation: Augmentation | None = None,
    folder: Path = PREPARED,
) -> TfDataset:
    """The training split for the epochs from ``first_epoch`` up to ``epochs``, shuffled and augmented anew in each.

    Returns:
        batches of inputs float32 ``[n, *shape]`` and targets ``[n]``, all epochs one after the other: use it with
        ``steps_per_epoch``.
    """
    tf = tensorflow()
    one_epoch = epoch_batches(batch_size, seed, augmentation, folder)
    return each_epoch(first_epoch, epochs, one_epoch).prefetch(tf.data.AUTOTUNE)


def each_epoch(first: int, end: int, one_epoch: Callable[[TfTensor], TfDataset]) -> TfDataset:
    """The batches of the epochs from ``first`` up to ``end``, one after the other."""
    return tensorflow().data.Dataset.range(first, end).flat_map(traced(one_epoch))


def epoch_batches(
    batch_size: int, seed: int, augmentation: Augmentation | None = None, folder: Path = PREPARED
) -> Callable[[TfTensor], TfDataset]:
    """A function from the number of an epoch, int64, to its batches, to be called through :func:`each_epoch`."""
    tf = tensorflow()
    dataset = read_dataset(folder)
    files = [str(path) for path in shard_files("train", folder)]
    steps = steps_per_epoch(dataset, batch_size)
    learning = learning_of(dataset.workload)

    def one_epoch(epoch: TfTensor) -> TfDataset:
        batches = (
            _shuffled(tf.data.TFRecordDataset(files), dataset, epoch, seed)
            .batch(batch_size)
            .map(
                traced(lambda records: parse(records, dataset.input, dataset.target)),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        )
        if augmentation is None or not augmentation.changes:
            return batches

        def change(step: TfTensor, batch: tuple[TfTensor, TfTensor]) -> tuple[TfTensor, TfTensor]:
            return learning.augment(batch[0], augmentation, tf.stack([tf.cast(seed, tf.int64), step])), batch[1]

        return batches.enumerate(epoch * steps).map(traced(change), num_parallel_calls=tf.data.AUTOTUNE)

    return one_epoch


def epoch_order(epoch: int, seed: int, folder: Path = PREPARED) -> NDArray[np.int64]:
    """Places in the stored training split of an epoch's samples, in the order in which the epoch has them."""
    dataset = read_dataset(folder)
    positions = tensorflow().data.Dataset.range(dataset.splits["train"].samples)
    shuffled = each_epoch(epoch, epoch + 1, lambda epoch: _shuffled(positions, dataset, epoch, seed))
    return np.concatenate(list(shuffled.batch(SHUFFLE_BUFFER).as_numpy_iterator()))


def _shuffled(samples: TfDataset, dataset: Dataset, epoch: TfTensor, seed: int) -> TfDataset:
    # TensorFlow mixes its global seed into every order; within a function that seed can be set for the function alone,
    # so that the order follows from seed and epoch, whatever was seeded before; beside a tensor it must not be 0
    tf = tensorflow()
    assert not tf.executing_eagerly()
    tf.compat.v1.set_random_seed(seed or SEED_0)
    return samples.shuffle(min(SHUFFLE_BUFFER, dataset.splits["train"].samples), seed=epoch * 1_000_003 + seed)
