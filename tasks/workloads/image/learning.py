"""Learning of images: the networks, how they are built, and augmentation."""

from collections.abc import Mapping

from tasks.backend import KerasModel, TfTensor
from tasks.samples import Specs
from tasks.workloads.image.augmentation import augment
from tasks.workloads.image.networks import BUILDERS
from tasks.workloads.image.settings import IMAGE, ImageAugmentation
from tasks.workloads.protocol import Builder


class ImageLearning:
    """Networks, building and augmentation of images."""

    def networks(self) -> Mapping[str, Builder]:
        """Return the networks for images."""
        return BUILDERS

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> KerasModel:
        """Call ``builder(shape, classes, dropout)``, shape being (height, width, channels)."""
        (image,) = inputs
        return builder(image.shape, outputs, dropout)

    def augment(
        self, batch: Mapping[str, TfTensor], settings: ImageAugmentation, seed: TfTensor
    ) -> Mapping[str, TfTensor]:
        """Change images; see :func:`tasks.workloads.image.augmentation.augment`."""
        return {IMAGE: augment(batch[IMAGE], settings, seed)}
