"""Small made-up pictures that every network of the zoo is compressed on, and networks that look trained."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.config import Data
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.learning.feeding import fed
from tasks.samples import Inputs

CLASSES = 10
COUNTS = {"train": 64, "validation": 64, "test": 20}
PATCH = 4  # pixels of one shade, so that neighbours look alike as in photos


def draw(count: int, shape: tuple[int, ...], seed: int) -> NDArray[np.uint8]:
    """Patches of random shades: uint8 ``[count, height, width, channels]``."""
    height, width, channels = shape
    rng = np.random.default_rng(seed)
    rows, columns = -(-height // PATCH), -(-width // PATCH)
    shades = rng.integers(0, 256, (count, rows, columns, channels))
    images = np.kron(shades, np.ones((1, PATCH, PATCH, 1)))[:, :height, :width]
    return np.clip(images + rng.normal(0, 8, images.shape), 0, 255).astype(np.uint8)


def prepare_pictures(folder: Path, shape: tuple[int, ...]) -> Path:
    """Shards of pictures of one shape, as the load stage writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for seed, (split, count) in enumerate(COUNTS.items()):
        arrays |= {f"x_{split}": draw(count, shape, seed), f"y_{split}": np.arange(count) % CLASSES}
    source = folder / "pictures.npz"
    np.savez(source, **arrays)
    data = Data.model_validate({"source": str(source)})
    prepare(data, current_listing(data), folder / "data")
    return folder / "data"


def lived_in(model: Any, samples: Inputs | NDArray[np.uint8], seed: int = 1) -> Any:
    """The network with BatchNorm's factors and averages different in each channel, as training leaves them."""
    rng = np.random.default_rng(seed)
    norms = [layer for layer in model._flatten_layers() if hasattr(layer, "moving_variance")]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.gamma is None or layer.gamma.assign(rng.uniform(0.7, 1.3, layer.gamma.shape))
        layer.beta is None or layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
        layer.momentum = 0.0  # the averages become those of one batch
    model(fed(samples), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return model
