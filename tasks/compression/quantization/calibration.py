"""What ranges of activations are measured on."""

from collections.abc import Callable, Iterator
from typing import Any

from tasks.compression.technique import Context
from tasks.training.pipeline import evaluation_batches

Samples = Callable[[], Iterator[list[Any]]]  # one image at a time: float32 [1, height, width, channels], 0 to 255


def calibration_samples(count: int, context: Context) -> Samples:
    """The first training images in stored order."""
    images = evaluation_batches("train", 1, context.prepared).map(lambda image, _: image).take(count)
    return lambda: ([image.numpy()] for image in images)
