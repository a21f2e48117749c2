"""Prepared shards as a `tf.data` stream: the same samples in the same order for the same seed and epoch.

An epoch's order and its random changes follow from ``(seed, epoch)`` alone, so that a training that was
interrupted goes on exactly as it would have gone.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import TfDataset, TfTensor, tensorflow, traced
from tasks.errors import TrainingError
from tasks.learning.feeding import IDS, taken
from tasks.samples import LABEL, PREPARED, Dataset, Specs, SplitName, TensorSpec, read_dataset, shard_files
from tasks.workloads import augmentation_for, learning_of
from tasks.workloads.augmenting import AugmentsTargets
from tasks.workloads.protocol import Augmentation

SEED_0 = 2**31 - 2  # stands for 0; TensorFlow takes seeds modulo 2**31 - 1
SHUFFLE_BUFFER = 16_384  # samples; the shards themselves are already in the random order of their digests


def parse(records: TfTensor, specs: Specs, target: TensorSpec = LABEL) -> tuple[dict[str, TfTensor], TfTensor]:
    """Return inputs ``[n, *shape]`` by name and targets ``[n, *shape]`` of serialized examples.

    Ids have the type that they are kept in, other inputs are float32.

    Args:
        records: serialized, ``[n]``.
        specs: the inputs.
        target: of the outcome.
    """
    tf = tensorflow()
    features = tf.io.parse_example(
        records,
        {
            **{spec.name: tf.io.FixedLenFeature([], tf.string) for spec in specs},
            target.name: tf.io.FixedLenFeature([], tf.string if target.shape else target.dtype),
        },
    )
    values = {
        spec.name: tf.reshape(tf.io.decode_raw(features[spec.name], spec.dtype), [-1, *spec.shape]) for spec in specs
    }
    given = {spec.name: spec.dtype if spec.dtype in IDS else tf.float32 for spec in specs}
    wanted = features[target.name]
    if target.shape:  # zeros at the end are not stored
        wanted = tf.io.decode_raw(wanted, target.dtype, fixed_length=target.bytes)
        wanted = tf.reshape(wanted, [-1, *target.shape])
    return {name: tf.cast(value, given[name]) for name, value in values.items()}, wanted


def _samples(records: TfTensor, dataset: Dataset) -> tuple[Any, TfTensor]:
    """Return what a network takes, and targets."""
    inputs, targets = parse(records, dataset.inputs, dataset.target)
    return taken(inputs), targets


def evaluation_batches(split: SplitName, batch_size: int, folder: Path = PREPARED) -> TfDataset:
    """Return a split in its stored order, once: what a network takes (see :func:`.feeding.taken`), and targets.

    Args:
        split: which one.
        batch_size: samples; the last batch may be smaller.
        folder: of the prepared data.
    """
    tf = tensorflow()
    dataset = read_dataset(folder)
    files = [str(path) for path in shard_files(split, folder)]
    return (
        tf.data.TFRecordDataset(files)
        .batch(batch_size)
        .map(traced(lambda records: _samples(records, dataset)))
        .prefetch(tf.data.AUTOTUNE)
    )


def steps_per_epoch(dataset: Dataset, batch_size: int) -> int:
    """Return the number of batches in an epoch; the last one may be smaller.

    Args:
        dataset: what was prepared.
        batch_size: samples.
    """
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

    Args:
        batch_size: samples; the last batch of an epoch may be smaller.
        seed: of the order and of the augmentation.
        first_epoch: counts from 0.
        epochs: where it ends, not included.
        augmentation: None: samples stay as they are.
        folder: of the prepared data.

    Returns:
        batches of what a network takes (see :func:`.feeding.taken`) and targets ``[n]``, all epochs one after the
        other: use it with ``steps_per_epoch``.
    """
    tf = tensorflow()
    one_epoch = epoch_batches(batch_size, seed, augmentation, folder)
    return each_epoch(first_epoch, epochs, one_epoch).prefetch(tf.data.AUTOTUNE)


def each_epoch(first: int, end: int, one_epoch: Callable[[TfTensor], TfDataset]) -> TfDataset:
    """Return the batches of the epochs from ``first`` up to ``end``, one after the other.

    Args:
        first: counts from 0.
        end: not included.
        one_epoch: gives an epoch's batches by its number, int64.
    """
    return tensorflow().data.Dataset.range(first, end).flat_map(traced(one_epoch))


def epoch_batches(
    batch_size: int, seed: int, augmentation: Augmentation | None = None, folder: Path = PREPARED
) -> Callable[[TfTensor], TfDataset]:
    """Return a function from the number of an epoch, int64, to its batches, to be called through :func:`each_epoch`.

    Args:
        batch_size: samples; the last batch of an epoch may be smaller.
        seed: of the order and of the augmentation.
        augmentation: None: samples stay as they are.
        folder: of the prepared data.

    Raises:
        DataError: the prepared data are missing or damaged.
        TrainingError: when the function is called: augmentation gives other inputs than it gets.
    """
    tf = tensorflow()
    dataset = read_dataset(folder)
    files = [str(path) for path in shard_files("train", folder)]
    steps = steps_per_epoch(dataset, batch_size)
    learning = learning_of(dataset.workload)
    if augmentation is not None:
        augmentation = augmentation_for(dataset.workload, augmentation)

    def one_epoch(epoch: TfTensor) -> TfDataset:
        records = _shuffled(tf.data.TFRecordDataset(files), dataset, epoch, seed).batch(batch_size)
        if augmentation is None or not augmentation.changes:
            return records.map(traced(lambda batch: _samples(batch, dataset)), num_parallel_calls=tf.data.AUTOTUNE)
        batches = records.map(
            traced(lambda batch: parse(batch, dataset.inputs, dataset.target)), num_parallel_calls=tf.data.AUTOTUNE
        )

        def change(step: TfTensor, batch: tuple[dict[str, TfTensor], TfTensor]) -> tuple[Any, TfTensor]:
            changed = learning.augment(batch[0], augmentation, tf.stack([tf.cast(seed, tf.int64), step]))
            if not isinstance(changed, Mapping) or changed.keys() != batch[0].keys():
                raise TrainingError(
                    f"Expected augmentation of {dataset.workload} to give {', '.join(batch[0])} by their names. "
                    f"Received: {', '.join(changed) if isinstance(changed, Mapping) else type(changed).__name__}."
                )
            targets = batch[1]
            if isinstance(learning, AugmentsTargets):
                targets = learning.augment_targets(targets, changed)
            return taken({spec.name: changed[spec.name] for spec in dataset.inputs}), targets

        return batches.enumerate(epoch * steps).map(traced(change), num_parallel_calls=tf.data.AUTOTUNE)

    return one_epoch


def epoch_order(epoch: int, seed: int, folder: Path = PREPARED) -> NDArray[np.int64]:
    """Return the places in the stored training split of an epoch's samples, ``[n]``, in the epoch's order.

    Args:
        epoch: counts from 0.
        seed: of the training.
        folder: of the prepared data.
    """
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
