from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.backend import tensorflow
from tasks.workloads.image.augmentation import augment
from tasks.workloads.image.settings import ImageAugmentation

Images = NDArray[np.float32]
SEED = (7, 3)


def changed(images: Images, seed: tuple[int, int] = SEED, **config: Any) -> Images:
    tf = tensorflow()
    return np.asarray(augment(tf.constant(images), ImageAugmentation(**config), tf.constant(seed, tf.int64)))


@pytest.fixture
def images() -> Images:
    """64 times the same asymmetric picture; each row and column is unlike any other."""
    picture = np.arange(8 * 10 * 3, dtype=np.float32).reshape(8, 10, 3)
    return np.repeat(picture[None], 64, axis=0)


EVERY = [
    {"flip": True},
    {"shift": 0.25},
    {"brightness": 0.4},
    {"contrast": 0.5},
    {"cutout": 0.5},
    {"flip": True, "shift": 0.2, "brightness": 0.3, "contrast": 0.3, "cutout": 0.3},
]


@pytest.mark.parametrize("config", EVERY)
def test_shape_and_range_stay(images: Images, config: dict[str, Any]) -> None:
    result = changed(images, **config)
    assert result.shape == images.shape
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 255


@pytest.mark.parametrize("config", EVERY)
def test_each_image_is_changed_in_its_own_way(images: Images, config: dict[str, Any]) -> None:
    different = np.unique(changed(images, **config).reshape(len(images), -1), axis=0)
    assert len(different) >= (2 if config == {"flip": True} else 10)


@pytest.mark.parametrize("config", EVERY)
def test_changes_follow_from_the_seed(images: Images, config: dict[str, Any]) -> None:
    assert np.array_equal(changed(images, **config), changed(images, **config))
    assert not np.array_equal(changed(images, **config), changed(images, (7, 4), **config))
    assert not np.array_equal(changed(images, **config), changed(images, (8, 3), **config))


def test_nothing_asked_for_changes_nothing(images: Images) -> None:
    assert np.array_equal(changed(images), images)


def test_a_flipped_image_is_its_mirror(images: Images) -> None:
    result = changed(images, flip=True)
    mirrored = np.array([np.array_equal(image, images[0][:, ::-1]) for image in result])
    kept = np.array([np.array_equal(image, images[0]) for image in result])
    assert np.all(mirrored ^ kept)
    assert 16 <= mirrored.sum() <= 48  # a fair coin, 64 times: four standard deviations


def test_a_shift_is_whole_pixels_within_its_bounds_and_mirrors_the_border(images: Images) -> None:
    rows, columns = 2, 2  # a quarter of 8, and of 10 rounded
    padded = np.pad(images[0], ((rows, rows), (columns, columns), (0, 0)), mode="symmetric")
    possible = {
        (down, across): padded[rows + down :, columns + across :][:8, :10]
        for down in range(-rows, rows + 1)
        for across in range(-columns, columns + 1)
    }
    seen = set()
    for image in changed(images, shift=0.25):
        places = [place for place, shifted in possible.items() if np.array_equal(image, shifted)]
        assert len(places) == 1
        seen.update(places)
    assert {down for down, _ in seen} == {-2, -1, 0, 1, 2}
    assert {across for _, across in seen} == {-2, -1, 0, 1, 2}


def test_a_flipped_and_shifted_image_is_a_shifted_mirror(images: Images) -> None:
    padded = np.pad(images[0], ((2, 2), (2, 2), (0, 0)), mode="symmetric")
    shifted = [padded[2 + down :, 2 + across :][:8, :10] for down in range(-2, 3) for across in range(-2, 3)]
    possible = [*shifted, *(image[:, ::-1] for image in shifted)]
    for image in changed(images, shift=0.25, flip=True):
        assert any(np.array_equal(image, other) for other in possible)


def test_brightness_adds_the_same_to_each_pixel_within_its_bounds() -> None:
    grey = np.full((64, 4, 4, 1), 128.0, np.float32)
    added = changed(grey, brightness=0.2) - grey
    assert np.all(np.ptp(added.reshape(64, -1), axis=1) < 1e-4)
    assert np.abs(added).max() <= 0.2 * 255 + 1e-3
    assert added.min() < -25
    assert added.max() > 25


def test_contrast_scales_about_the_mean() -> None:
    picture = np.repeat(np.array([100.0, 150.0], np.float32).reshape(1, 1, 2, 1), 64, axis=0)
    result = changed(picture, contrast=0.5)
    assert np.allclose(result.mean(axis=(1, 2, 3)), 125.0, atol=1e-3)
    spread = np.ptp(result.reshape(64, -1), axis=1) / 50
    assert 0.5 <= spread.min() < 0.7
    assert 1.3 < spread.max() <= 1.5 + 1e-5


def test_cutout_blanks_one_square_of_its_side_with_the_mean() -> None:
    picture = np.arange(1.0, 17 * 17 + 1, dtype=np.float32).reshape(1, 17, 17, 1)[:, :16, :16]
    result = changed(np.repeat(picture, 64, axis=0), cutout=0.25)
    mean = float(picture.mean())
    sizes = set()
    for image in result:
        hole = np.argwhere(image[..., 0] != picture[0, ..., 0])
        (top, left), (bottom, right) = hole.min(axis=0), hole.max(axis=0)
        sizes.add((int(bottom - top + 1), int(right - left + 1)))
        assert np.allclose(image[top : bottom + 1, left : right + 1], mean, rtol=1e-5)
    assert max(sizes) == (4, 4)
    assert all(height <= 4 and width <= 4 for height, width in sizes)
