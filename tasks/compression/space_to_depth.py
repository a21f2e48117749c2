"""Space to depth: take neighbouring columns of a convolution's input and output together as channels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasLayer, keras
from tasks.compression.replacement import Factor, Replacement, last


@dataclass(frozen=True)
class Columns:
    """The columns of a convolution, taken together.

    ``given``: columns of the output that become one; ``taken``: columns of the input that become one; ``before``:
    columns of padding on the left; ``first``, ``last``: which of the new columns count for one output, relative to its
    own.
    """

    given: int
    taken: int
    before: int
    first: int
    last: int

    @classmethod
    def of(cls, layer: KerasLayer, given: int) -> "Columns | None":
        """Take so many columns of a convolution's output at once; None where that does not come out even."""
        width, out = layer.input_shape[2], layer.output_shape[2]
        size, stride, same = layer.kernel_size[1], layer.strides[1], layer.padding == "same"
        taken = given * stride
        if width % taken or out % given:
            return None
        before = max((out - 1) * stride + size - width, 0) // 2 if same else 0
        first, final = -before // taken, (stride * (given - 1) + size - 1 - before) // taken
        # the runtime pads the new columns by itself, half of what is missing on the left
        fits = -first == (final - first) // 2 if same else width // taken - (final - first) == out // given
        return cls(given, taken, before, first, final) if fits else None

    def replace(self, layer: KerasLayer) -> Replacement:
        """Return a reshape, the convolution on columns taken together, and a reshape back.

        Args:
            layer: a convolution.
        """
        layers = keras().layers
        rows, width, channels = layer.input_shape[1:]
        kernel = self.kernel(layer.kernel.numpy())
        shape = (rows, width // self.taken, self.taken * channels)
        convolution = last(
            layer, "columns", kernel, kernel_size=kernel.shape[:2], strides=(layer.strides[0], 1)
        ).with_bias(self.given)
        chain = (
            Factor(layers.Reshape(shape, name=f"{layer.name}_to_depth"), ()),
            convolution,
            Factor(layers.Reshape(layer.output_shape[1:], name=f"{layer.name}_to_width"), ()),
        )
        return Replacement((chain,), {}, zeros={convolution.layer.name: float(np.mean(kernel == 0))})

    def kernel(self, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the kernel for columns taken together, ``[rows, columns', taken · in, given · out]``.

        Args:
            kernel: of the convolution, ``[rows, columns, in, out]``.
        """
        rows, size, channels, filters = kernel.shape
        width = self.last - self.first + 1
        stride = self.taken // self.given
        wide = np.zeros((rows, width, self.taken, channels, self.given, filters), np.float32)
        for place in range(self.given):
            for column in range(size):
                block, inside = divmod(stride * place + column - self.before, self.taken)
                wide[:, block - self.first, inside, :, place] = kernel[:, column]
        return wide.reshape(rows, width, self.taken * channels, self.given * filters)
