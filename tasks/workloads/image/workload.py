"""Images as a workload."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from tasks.samples import Specs
from tasks.workloads.image.settings import IMAGE, ImageAugmentation, ImageSettings
from tasks.workloads.outcomes.classes import Classes
from tasks.workloads.protocol import Array


class Image:
    """Images in class folders, or as arrays of pixels; models take raw pixels, uint8."""

    name = "image"
    thing = "image"
    things = "images"
    meaning: Mapping[str, str] = MappingProxyType(
        {IMAGE: "[batch, height, width, channels], raw pixels, rows from the top; channels grey or RGB"}
    )
    settings = ImageSettings
    augmentation = ImageAugmentation
    outcome = Classes()
    first_params: Sequence[str] = ()  # the template is for images
    reading = "tasks.workloads.image.reading:ImageReading"
    learning = "tasks.workloads.image.learning:ImageLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Make up images of noise, from black to ever brighter."""
        (image,) = inputs
        shape = image.shape
        noise = np.random.default_rng(0).random((count, *shape))
        brightness = np.arange(1, count + 1).reshape(-1, *[1] * len(shape)) / count
        return {image.name: np.asarray(noise * brightness * 256, np.uint8)}

    def describe(self, inputs: Specs) -> str:
        """Say the image's size and whether it has colours."""
        height, width, channels = inputs[0].shape
        return f"a {'grey' if channels == 1 else 'colour'} image of {height} × {width} pixels"
