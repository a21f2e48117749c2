"""Small things that tests of several stages are made of."""

from tasks.samples import SPLITS, Dataset, Part
from tasks.workloads.image.reading import ImageReader


def made_up_dataset(shape: tuple[int, int, int], classes: int) -> Dataset:
    """The record of images ``[height, width, channels]`` of which there are none."""
    height, width, channels = shape
    names = tuple(map(str, range(classes)))
    return Dataset(
        workload="image",
        source_digest="d" * 64,
        classes=names,
        inputs=ImageReader(height, width, 1 if channels == 1 else 3).inputs,
        splits=dict.fromkeys(SPLITS, Part(samples=0, per_class=dict.fromkeys(names, 0), shards=())),
        read=0,
        refused_samples=0,
        refused=(),
        kept_out_samples=0,
        kept_out=(),
        notes=(),
    )
