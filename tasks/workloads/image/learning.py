"""Learning of images: the networks, how they are built, and augmentation."""

from collections.abc import Mapping

from tasks.backend import KerasModel, TfTensor
from tasks.workloads.image.augmentation import augment
from tasks.workloads.image.networks import BUILDERS
from tasks.workloads.image.settings import ImageAugmentation
from tasks.workloads.protocol import Builder, TensorSpec


class ImageLearning:
    """Networks, building and augmentation of images."""

    def networks(self) -> Mapping[str, Builder]:
        """Return the networks for images."""
        return BUILDERS

    def build(self, builder: Builder, inputs: tuple[TensorSpec, ...], outputs: int, dropout: float) -> KerasModel:
        """Call ``builder(shape, classes, dropout)``, shape being (height, width, channels)."""
        (image,) = inputs
        return builder(image.shape, outputs, dropout)

    def augment(self, batch: TfTensor, settings: ImageAugmentation, seed: TfTensor) -> TfTensor:
        """Change images; see :func:`tasks.workloads.image.augmentation.augment`."""
        return augment(batch, settings, seed)
