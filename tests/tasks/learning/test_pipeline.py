from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.backend import tensorflow
from tasks.learning.pipeline import evaluation_batches, steps_per_epoch, training_batches
from tasks.samples import read_dataset
from tasks.workloads.image.settings import ImageAugmentation
from tests.tasks.training.material import samples

BATCH = 100
Epoch = tuple[NDArray[np.float32], NDArray[np.int64]]


def epochs(folder: Path, seed: int = 1, first: int = 0, last: int = 3, **more: Any) -> list[Epoch]:
    """Images and labels of the epochs, each as one array."""
    steps = steps_per_epoch(read_dataset(folder), BATCH)
    batches = [(x.numpy(), y.numpy()) for x, y in training_batches(BATCH, seed, first, last, folder=folder, **more)]
    assert len(batches) == steps * (last - first)
    parts = [batches[start : start + steps] for start in range(0, len(batches), steps)]
    return [(np.concatenate([x for x, _ in part]), np.concatenate([y for _, y in part])) for part in parts]


def same(one: Epoch, other: Epoch) -> bool:
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def in_order(epoch: Epoch) -> list[bytes]:
    """The samples, whatever order they came in."""
    return sorted(image.tobytes() + bytes([label]) for image, label in zip(*epoch, strict=True))


def test_evaluation_gives_the_split_once_in_its_stored_order(prepared: Path) -> None:
    batches = [(x.numpy(), y.numpy()) for x, y in evaluation_batches("validation", 50, prepared)]
    images, labels = samples("validation", prepared)
    assert np.array_equal(np.concatenate([x for x, _ in batches]), images.astype(np.float32))
    assert np.array_equal(np.concatenate([y for _, y in batches]), labels)


def test_each_epoch_gives_every_sample_once(prepared: Path) -> None:
    images, labels = samples("train", prepared)
    stored = in_order((images.astype(np.float32), labels))
    assert [in_order(epoch) for epoch in epochs(prepared)] == [stored] * 3


def test_order_follows_from_seed_and_epoch(prepared: Path) -> None:
    once, again, other = epochs(prepared), epochs(prepared), epochs(prepared, seed=2)
    assert all(same(one, two) for one, two in zip(once, again, strict=True))
    assert not any(same(one, two) for one, two in zip(once, other, strict=True))
    assert not same(once[0], once[1])
    assert not same(once[1], once[2])
    images, labels = samples("train", prepared)
    assert not same(once[0], (images.astype(np.float32), labels))


@pytest.mark.parametrize("augmentation", [None, ImageAugmentation(flip=True, shift=0.2, brightness=0.2)])
def test_starting_at_an_epoch_gives_the_rest_of_the_whole(
    prepared: Path, augmentation: ImageAugmentation | None
) -> None:
    whole = epochs(prepared, augmentation=augmentation)
    rest = epochs(prepared, first=1, augmentation=augmentation)
    assert len(rest) == 2
    assert all(same(one, two) for one, two in zip(whole[1:], rest, strict=True))


def test_order_does_not_depend_on_what_was_random_before(prepared: Path) -> None:
    tensorflow().random.set_seed(5)
    once = epochs(prepared, last=1)
    tensorflow().random.uniform([3])
    assert same(once[0], epochs(prepared, last=1)[0])
    tensorflow().random.set_seed(6)  # as the next step of a recipe does
    assert same(once[0], epochs(prepared, last=1)[0])


def test_seed_0_has_an_order_too(prepared: Path) -> None:
    assert not same(epochs(prepared, seed=0, last=1)[0], epochs(prepared, seed=1, last=1)[0])


def test_an_image_is_changed_anew_in_each_epoch(prepared: Path) -> None:
    once, twice, _ = epochs(prepared, augmentation=ImageAugmentation(shift=0.3))
    plain = epochs(prepared)[0]
    assert np.array_equal(once[1], plain[1])
    assert not np.array_equal(once[0], plain[0])
    assert not set(in_order(once)) >= set(in_order(twice))


def test_the_last_batch_may_be_smaller(prepared: Path) -> None:
    dataset = read_dataset(prepared)
    assert dataset.splits["train"].samples == 967
    assert steps_per_epoch(dataset, 967) == 1
    assert steps_per_epoch(dataset, 966) == 2
    assert [len(x) for x, _ in training_batches(500, 1, 0, 1, folder=prepared)] == [500, 467]
