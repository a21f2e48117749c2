"""int8 files as the converter does not make them: it measures least and greatest values and nothing else.

For ranges of one's own the float file that the converter has calibrated is changed: it carries a range for each tensor,
and these are replaced before the quantizer runs, so that all of its rules about which tensors share a range stay in
force. Steps and biases are changed in the file that comes out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel
from tasks.compression.quantization.activations import record_activations
from tasks.compression.quantization.bias_correction import add_to_biases, corrections, rounded_kernels
from tasks.compression.quantization.calibration import Calibration, CalibrationSet
from tasks.compression.quantization.modes import Converter, configurations
from tasks.compression.quantization.ranges import choose_range
from tasks.compression.quantization.scales import share_scales
from tasks.learning.conversion import convert
from tasks.learning.flatbuffers import put_together, take_apart
from tasks.litert_types import SubGraph
from tasks.samples import Specs


def convert_with_ranges(
    model: KerasModel,
    drawn: CalibrationSet,
    config: Calibration,
    per_channel: bool = True,
    corrected: bool = False,
    specs: Specs | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Convert to int8 with ranges by ``config``; those of pixels and logits stay what they are.

    Args:
        model: its leading scaling folded.
        drawn: the images that activations are measured on.
        config: how their ranges follow.
        per_channel: give weights a step for each output channel instead of one for each layer.
        corrected: let biases take back what rounding the weights adds to the mean of outputs.
        specs: the inputs; None: as far as the network alone tells.

    Returns:
        the file; and for the record ``ranges``, that of each tensor but pixels and logits, and where biases are
        corrected ``bias_correction``, how far the most moved output of each layer was moved, and
        ``biases_left_alone``, with the reason.
    """
    from tensorflow.lite.python.convert import mlir_quantize

    set_int8 = configurations(drawn.samples())["int8"]

    def calibrate_only(converter: Converter) -> None:
        set_int8(converter)
        converter._experimental_calibrate_only = True
        converters.append(converter)

    converters: list[Any] = []
    calibrated = convert(model, calibrate_only, float_input=True, specs=specs)
    found = take_apart(calibrated)
    graph = found.subgraphs[0]
    details: dict[str, Any] = {"ranges": _choose_ranges(graph, record_activations(calibrated, drawn.inputs), config)}
    flatbuffer = bytes(
        mlir_quantize(
            put_together(found),
            input_data_type=converters[0].inference_input_type,
            output_data_type=converters[0].inference_output_type,
        )
    )
    if not per_channel:
        flatbuffer = share_scales(flatbuffer, calibrated)
    if corrected:
        biases = corrections(calibrated, rounded_kernels(flatbuffer), drawn.inputs, flatbuffer)
        flatbuffer, details = add_to_biases(flatbuffer, biases.added), details | biases.details()
    return flatbuffer, details


def _choose_ranges(
    graph: SubGraph, values: Mapping[int, NDArray[np.float32]], config: Calibration
) -> dict[str, list[float]]:
    """Give each calibrated tensor its range; the converter's own, from all values, is that of min-max."""
    chosen = {}
    for index, taken in values.items():
        tensor = graph.tensors[index]
        if tensor.quantization is None or tensor.quantization.min is None:
            continue
        if config.ranges != "minmax":
            low, high = choose_range(taken, config)
            tensor.quantization.min, tensor.quantization.max = np.array([low], np.float32), np.array([high], np.float32)
        chosen[tensor.name.decode()] = [float(tensor.quantization.min[0]), float(tensor.quantization.max[0])]
    return chosen
