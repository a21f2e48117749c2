"""Records from before there were several workloads: they name none, and are of images and their classes."""

from tasks.samples import Specs, TensorSpec

WORKLOAD = "image"
OUTCOME = "classes"
INPUT = "image"  # what their only input is called from then on


def specs(shape: tuple[int, ...]) -> Specs:
    """Return the input of a model whose signature names none.

    Args:
        shape: of one sample, as the model takes it.
    """
    return (TensorSpec(name=INPUT, dtype="uint8", shape=shape, low=0, high=255),)
