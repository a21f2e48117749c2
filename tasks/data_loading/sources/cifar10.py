"""CIFAR-10 as Keras downloads and caches it."""

import hashlib
from collections.abc import Iterator
from typing import Any

from tasks.data_loading.sources.protocol import See, SourceListing
from tasks.errors import SourceError
from tasks.samples import SplitName
from tasks.workloads.items import Item, RawSample, TakeFile

ARCHIVE = "cifar-10-batches-py.tar.gz"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10:
    """60,000 colour images of 32×32 pixels in ten classes; Krizhevsky 2009, Learning Multiple Layers of Features."""

    kind = "cifar10"

    def listing(self, see: See | None = None) -> SourceListing:  # noqa: ARG002 — it never changes
        """The archive never changes, so that its name is its digest."""
        digest = hashlib.sha256(ARCHIVE.encode()).hexdigest()
        return SourceListing(kind=self.kind, location="cifar10", digest=digest, files=1)

    def items(self, take: TakeFile) -> Iterator[Item]:  # noqa: ARG002 — it has no files
        """The train images, then the test images."""
        train, test = _download()
        yield from _samples("train", *train)
        yield from _samples("test", *test)


def _download() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Keras's arrays, out of its cache (~/.keras/datasets) where they are there."""
    from tf_keras.datasets import cifar10

    try:
        train, test = cifar10.load_data()
    except Exception as error:  # Keras raises nothing more precise when a download fails
        raise SourceError(
            f"Expected to download CIFAR-10, or to find it in Keras's cache. Received: {error}. "
            f"Check the network, or set data.source to a folder or an archive that you have."
        ) from error
    return train, test


def _samples(split: SplitName, images: Any, labels: Any) -> Iterator[Item]:
    for index, (image, label) in enumerate(zip(images, labels.reshape(-1).tolist(), strict=True)):
        yield RawSample(f"{split}/{CLASSES[label]}/{index:05}", CLASSES[label], split, image)
