"""A float ``.tflite`` file as the place where rounding is tried: the layers' weights are read, replaced and run."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import constants_by_layer, layer_names
from tasks.litert import Model

BATCH = 64


Kind = Literal["dense", "convolution", "other"]


@dataclass(frozen=True)
class Operation:
    """What uses a layer's kernel.

    ``buffer``: the index of the kernel's; ``output``: the name of the tensor that comes out; ``axis``: of the kernel's
    outputs, the last in a depthwise convolution.
    """

    buffer: int
    output: str
    kind: Kind
    axis: int = 0


class FloatFile:
    """A float model, and the operations of its layers.

    Args:
        flatbuffer: float32 throughout.
        layers: names of the layers that have kernels.
    """

    def __init__(self, flatbuffer: bytes, layers: tuple[str, ...]) -> None:
        self.flatbuffer = flatbuffer
        self.weights = {name: constant.values for name, constant in constants_by_layer(flatbuffer, layers).items()}
        self.operations = self._operations()

    def _operations(self) -> dict[str, Operation]:
        from tensorflow.lite.python import schema_py_generated as schema

        model = self._object()
        (graph,) = model.subgraphs
        builtin = schema.BuiltinOperator
        kinds: dict[int, Kind] = {builtin.FULLY_CONNECTED: "dense", builtin.CONV_2D: "convolution"}
        found = {}
        for operator in graph.operators:
            if len(operator.inputs) < 2 or operator.inputs[1] < 0:
                continue
            kernel = graph.tensors[operator.inputs[1]]
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            for name in set(self.weights) & layer_names(kernel.name.decode()):
                output = graph.tensors[operator.outputs[0]].name.decode()
                axis = 3 if code == builtin.DEPTHWISE_CONV_2D else 0
                if model.buffers[kernel.buffer].data is not None:
                    found[name] = Operation(kernel.buffer, output, kinds.get(code, "other"), axis)
        return found

    def _object(self) -> Any:
        from tensorflow.lite.tools import flatbuffer_utils

        return flatbuffer_utils.convert_bytearray_to_object(bytearray(self.flatbuffer))

    def replaced(self, weights: Mapping[str, NDArray[np.float32]]) -> bytes:
        """The file with other weights in the named layers, in the file's layout."""
        from tensorflow.lite.tools import flatbuffer_utils

        model = self._object()
        for name, values in weights.items():
            content = np.ascontiguousarray(values, np.float32).tobytes()
            model.buffers[self.operations[name].buffer].data = np.frombuffer(content, np.uint8)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def predict(flatbuffer: bytes, images: NDArray[np.uint8], batch: int = BATCH) -> NDArray[np.float32]:
    """Logits as the deployed runtime gives them: float32 ``[n, classes]``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(flatbuffer)
        return Model(path).predict(images, batch)
