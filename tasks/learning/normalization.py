"""BatchNorm's moving averages in trainings of few steps."""

import contextlib
from collections.abc import Iterator

from tasks.backend import KerasModel, keras

AN_EPOCH = 3  # times that the averages are renewed, at least


@contextlib.contextmanager
def following_averages(model: KerasModel, steps: int) -> Iterator[None]:
    """Yield, and let the averages be of the last third of an epoch at most while ``model`` is trained.

    With Keras's momentum of 0.99 they are of the last hundred steps or so. Where an epoch has 15 steps, validation and
    the finished model would have those of a network that was several epochs ago: before it was pruned, say. Where an
    epoch has 300 or more, nothing changes.

    Args:
        model: whose layers keep their momentum afterwards.
        steps: of an epoch.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras().layers.BatchNormalization)]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = min(layer.momentum, max(0.0, 1 - AN_EPOCH / steps))
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
