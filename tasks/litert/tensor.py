"""Inputs and outputs of a file: their types, and real values as stored ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EvaluationError

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Tensor:
    """An input or an output, as far as a device must know it.

    ``real = (stored - zero_point) * scale`` where ``scale`` is not 0; else values are stored as they are.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    def encode(self, real: NDArray[Any]) -> NDArray[Any]:
        """Return real values as stored ones, rounded to the nearest and clipped to the type.

        Args:
            real: of any shape.
        """
        dtype = np.dtype(self.dtype)
        if not self.scale:
            return real.astype(dtype, copy=False)
        if real.dtype == dtype and self.scale == 1.0 and self.zero_point == 0:
            return real
        limits = np.iinfo(dtype)
        stored = np.rint(real.astype(np.float32) / self.scale) + self.zero_point
        return np.asarray(np.clip(stored, limits.min, limits.max), dtype)

    def check(self, name: str, real: NDArray[Any]) -> None:
        """Refuse samples of another shape, or of numbers that the stored type cannot mean.

        Args:
            name: of the input, for the message.
            real: ``[n, *shape]``.

        Raises:
            EvaluationError: says what is expected of the input ``name``.
        """
        if real.shape[1:] != self.shape[1:]:
            raise EvaluationError(f"Expected {name} of shape {self.shape[1:]}. Received: {real.shape[1:]}.")
        if not self.scale and not np.can_cast(real.dtype, self.dtype):
            raise EvaluationError(f"Expected {name} as {self.dtype}. Received: {real.dtype.name}.")

    def decode(self, stored: NDArray[Any]) -> Scores:
        """Return stored values as real ones, float32.

        Args:
            stored: of any shape, of the tensor's type.
        """
        values = stored.astype(np.float32)
        return (values - self.zero_point) * np.float32(self.scale) if self.scale else values


def tensor_of(details: dict[str, Any], known_as: str = "") -> Tensor:
    """Return an interpreter's description of a tensor, which is ``known_as`` where it has no name of its own.

    Args:
        details: an entry of ``get_input_details()`` or ``get_output_details()``.
        known_as: by the signature.
    """
    scale, zero_point = details["quantization"]
    return Tensor(
        name=details["name"] or known_as,
        shape=tuple(int(size) for size in details["shape"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
