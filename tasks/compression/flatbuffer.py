"""The weights inside a ``.tflite`` file, found again by the Keras layer that they came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.litert import load

INT4 = "int4"
BLOCK_SCALES = "_scales"  # how ai-edge-quantizer ends the names of tensors that hold the scales of blocks


@dataclass(frozen=True)
class Constant:
    """A layer's kernel as the file stores it.

    ``values``: output channels first, as LiteRT has them; ``zero_point``: what stands for 0; ``scales``: of the whole
    layer, of each channel along the dimension ``axis``, or of each block of a dense kernel's rows, row by row; none
    where values are stored as they are.
    """

    values: NDArray[Any]
    dtype: str
    zero_point: int
    scales: tuple[float, ...] = ()
    axis: int = 0

    def real(self) -> NDArray[np.float32]:
        """The values that are meant."""
        centered = self.values.astype(np.float32) - np.float32(self.zero_point)
        if not self.scales:
            return centered
        channels = centered.shape[self.axis]
        if len(self.scales) > channels:
            blocks = np.asarray(self.scales, np.float32).reshape(channels, -1)
            return centered * np.repeat(blocks, centered.shape[1] // blocks.shape[1], axis=1)
        along = [1] * centered.ndim
        along[self.axis] = len(self.scales)
        return centered * np.asarray(self.scales, np.float32).reshape(along)

    def bytes(self) -> int:
        """Of the weights alone; two of 4 bits share one."""
        return -(-self.values.size // 2) if self.dtype == INT4 else self.values.nbytes

    def sparsity(self) -> float:
        """Fraction of weights that are exactly 0."""
        return float(np.mean(self.values == self.zero_point))

    def clusters(self) -> int:
        """Most distinct values in any one output channel: scales differ from channel to channel."""
        return max(len(np.unique(channel)) for channel in by_output(self.values))


def by_output(values: NDArray[Any]) -> NDArray[Any]:
    """``[outputs, rest]`` of a kernel; outputs come first, but in a depthwise one, ``[1, height, width, outputs]``."""
    depthwise = values.ndim == 4 and len(values) == 1
    outputs = np.moveaxis(values, -1, 0) if depthwise else values
    return outputs.reshape(len(outputs), -1)


def constants_by_layer(flatbuffer: bytes, layers: Iterable[str], names: Sequence[str] = ()) -> dict[str, Constant]:
    """Kernels of the named layers: the constants of two or more dimensions whose name the converter took from them.

    ``names`` are those of the tensors where the file has none any more.
    """
    interpreter = load(flatbuffer, delegate=False)
    computed = {int(index) for op in interpreter._get_ops_details() for index in op["outputs"]}
    computed |= {int(details["index"]) for details in interpreter.get_input_details()}
    wanted, called = set(layers), dict(enumerate(names))
    packed = _of_four_bits(flatbuffer)
    found: dict[str, Constant] = {}
    for details in interpreter.get_tensor_details():
        if details["index"] in computed or len(details["shape"]) < 2:
            continue
        known_as = details["name"] or called.get(details["index"], "")
        for name in wanted & layer_names(known_as):
            quantization = details["quantization_parameters"]
            zero_points = quantization["zero_points"]
            found[name] = Constant(
                values=interpreter.get_tensor(details["index"]),
                dtype=INT4 if details["index"] in packed else np.dtype(details["dtype"]).name,
                zero_point=int(zero_points[0]) if len(zero_points) else 0,
                scales=tuple(quantization["scales"].tolist()),
                axis=int(quantization["quantized_dimension"]),
            )
    return found


def _of_four_bits(flatbuffer: bytes) -> set[int]:
    """Tensors that the interpreter describes as int8, since numpy has no smaller type."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(flatbuffer).Subgraphs(0)
    return {index for index in range(graph.TensorsLength()) if graph.Tensors(index).Type() == schema.TensorType.INT4}


def layer_names(name: str) -> set[str]:
    """What may be layers in a tensor's name such as ``model/conv2d/Relu;model/conv2d/Conv2D``.

    TFMOT calls the layer ``quant_conv2d`` while training with quantization simulated.
    """
    if name.endswith(BLOCK_SCALES):
        return set()
    parts = {part for path in name.split(";") for part in path.split("/")}
    return parts | {part.removeprefix("quant_") for part in parts}
