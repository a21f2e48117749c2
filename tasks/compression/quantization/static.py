"""int8 files with ranges of one's own: the converter measures least and greatest values and nothing else.

The float file that the converter has calibrated carries a range for each tensor; these are replaced before its
quantizer runs, so that all of its rules about which tensors share a range stay in force.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.quantization.calibration import Calibration, CalibrationSet
from tasks.compression.quantization.modes import configurations
from tasks.compression.quantization.ranges import Range, choose_range
from tasks.compression.quantization.steps import share_steps
from tasks.compression.technique import Model
from tasks.training.backend import tensorflow
from tasks.training.conversion import convert

MOST = 4096  # values of a tensor that are kept of one image


def convert_with_ranges(
    model: Model, drawn: CalibrationSet, config: Calibration, per_channel: bool = True
) -> tuple[bytes, dict[str, Range]]:
    """Convert to int8 with ranges by ``config``; those of pixels and logits stay what they are.

    Args:
        model: its leading scaling folded.
        drawn: the images that activations are measured on.
        config: how their ranges follow.
        per_channel: give weights a step for each output channel instead of one for each layer.

    Returns:
        the file, and the range of each tensor that was given one.
    """
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.tools import flatbuffer_utils

    set_int8 = configurations(drawn.samples())["int8"]

    def calibrate_only(converter: Any) -> None:
        set_int8(converter)
        converter._experimental_calibrate_only = True

    calibrated = convert(model, calibrate_only, float_input=True)
    found = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    (graph,) = found.subgraphs
    values = activations(calibrated, drawn.images)
    ranges = {}
    for index, tensor in enumerate(graph.tensors):
        if index in values and tensor.quantization is not None and tensor.quantization.min is not None:
            low, high = choose_range(values[index], config)
            ranges[tensor.name.decode()] = (low, high)
            tensor.quantization.min = np.array([low], np.float32)
            tensor.quantization.max = np.array([high], np.float32)
    dtypes = tensorflow().dtypes
    quantized = bytes(
        mlir_quantize(
            bytes(flatbuffer_utils.convert_object_to_bytearray(found)),
            input_data_type=dtypes.uint8,
            output_data_type=dtypes.int8,
        )
    )
    return quantized if per_channel else share_steps(quantized, _kernels(found)), ranges


def _kernels(found: Any) -> dict[str, NDArray[np.float32]]:
    """Float constants of two or more dimensions, by the names of their tensors."""
    (graph,) = found.subgraphs
    contents = {tensor.name.decode(): (found.buffers[tensor.buffer].data, tensor.shape) for tensor in graph.tensors}
    return {
        name: np.frombuffer(bytes(data), np.float32).reshape(shape)
        for name, (data, shape) in contents.items()
        if data is not None and len(shape) > 1 and len(data) == 4 * int(np.prod(shape))
    }


def activations(flatbuffer: bytes, images: NDArray[np.uint8]) -> dict[int, NDArray[np.float32]]:
    """What each computed float tensor but the outputs takes on the images, every n-th value of large ones."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=flatbuffer,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    final = {int(details["index"]) for details in interpreter.get_output_details()}
    types = {int(details["index"]): details["dtype"] for details in interpreter.get_tensor_details()}
    computed = {int(index) for operation in interpreter._get_ops_details() for index in operation["outputs"]}
    wanted = sorted(index for index in computed - final if types.get(index) is np.float32)
    seen: dict[int, list[NDArray[np.float32]]] = {index: [] for index in wanted}
    for image in images:
        interpreter.set_tensor(entry["index"], image[np.newaxis].astype(entry["dtype"]))
        interpreter.invoke()
        for index in wanted:
            flat = interpreter.get_tensor(index).reshape(-1)
            seen[index].append(flat[:: -(-len(flat) // MOST)].copy())
    return {index: np.concatenate(parts) for index, parts in seen.items()}
