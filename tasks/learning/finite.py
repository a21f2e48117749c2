"""A network whose weights are all numbers, checked wherever one comes in and after everything that changes one."""

from collections.abc import Iterator

import numpy as np

from tasks.backend import KerasModel, KerasVariable, keras
from tasks.errors import SlimlineError, TrainingError


def check_finite(model: KerasModel, of: str, error: type[SlimlineError] = TrainingError) -> None:
    """Refuse a network that has a weight which is NaN or infinite.

    Args:
        model: a Keras model.
        of: what the network is, for the message.
        error: what is raised.

    Raises:
        error: names the first such layer and weight.
    """
    for layer, weight in _weights(model):
        values = weight.numpy()
        if not np.issubdtype(values.dtype, np.floating):
            continue
        wrong = np.size(values) - int(np.isfinite(values).sum())
        if wrong:
            what = "NaN" if np.isnan(values).any() else "infinite values"
            raise error(
                f"Expected numbers in all weights of {of}. Received: {what} in layer {layer} "
                f"({weight.name.split(':')[0]}: {wrong:,} of {np.size(values):,}). "
                f"Train it again, with a lower learning rate if the training did that."
            )


def _weights(model: KerasModel, path: str = "") -> Iterator[tuple[str, KerasVariable]]:
    for layer in model.layers:
        if isinstance(layer, keras().models.Model):
            yield from _weights(layer, f"{path}{layer.name}/")
        else:
            yield from ((f"{path}{layer.name}", weight) for weight in layer.weights)
