"""A layer that gives ids other numbers, in front of a network that knows fewer of them than there are in the data.

The network takes the ids of the prepared data as before, so that it learns of the same samples, and of the same
teachers. Its file does without the layer: a device is given the new numbers, see :mod:`tasks.compression.vocabulary`.
"""

import functools
from collections.abc import Sequence
from typing import Any

from tasks.backend import KerasLayer, KerasModel, TfTensor, keras, tensorflow

NAME = "renumbered"


@functools.cache
def renumbering() -> type[Any]:
    """Return the layer's class, registered so that files with it can be read."""

    class Renumbered(keras().layers.Layer):  # type: ignore[misc]
        """Gives for each id its new number; ``numbers`` has them by id."""

        def __init__(self, numbers: Sequence[int], **more: Any) -> None:
            super().__init__(**more)
            self.numbers = [int(number) for number in numbers]

        def call(self, ids: TfTensor) -> TfTensor:
            return tensorflow().gather(tensorflow().constant(self.numbers, ids.dtype), ids)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "numbers": self.numbers}

    registered: type[Any] = keras().saving.register_keras_serializable("slimline")(Renumbered)
    return registered


def renumbered(ids: TfTensor, numbers: Sequence[int]) -> TfTensor:
    """Return new numbers of ids.

    Args:
        ids: int32, an input of a network.
        numbers: the new number of each id.
    """
    return renumbering()(numbers, name=NAME)(ids)


def numbers_of(model: KerasModel) -> tuple[int, ...]:
    """Return the new number of each id that a network takes; none where it takes ids as they are.

    Args:
        model: the network.
    """
    found: list[Any] = [layer for layer in model.layers if is_renumbering(layer)]
    return tuple(found[0].numbers) if found else ()


def is_renumbering(layer: KerasLayer) -> bool:
    """Return whether a layer gives ids other numbers.

    Args:
        layer: of a network.
    """
    return type(layer) is renumbering()
