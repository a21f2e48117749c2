"""The modes of quantization, and how the LiteRT converter is set for those that are its own."""

from collections.abc import Callable
from typing import Any, Literal

from tasks.backend import tensorflow
from tasks.compression.quantization.calibration import SampleStream
from tasks.compression.quantization.own_biases import own_biases
from tasks.compression.quantization.scales import finite_scales

Mode = Literal["dynamic_int8", "float16", "int8", "int16x8", "int4", "mixed"]
Converter = Any


def configurations(samples: SampleStream | None = None) -> dict[Mode, Callable[[Converter], None]]:
    """Return what sets the converter for each mode.

    Args:
        samples: on which the calibrated modes measure ranges.
    """
    lite = tensorflow().lite
    dtypes = tensorflow().dtypes
    sets = lite.OpsSet

    def float16(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [dtypes.float16]

    def dynamic_int8(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]

    def int8(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
        converter.inference_input_type, converter.inference_output_type = dtypes.uint8, dtypes.int8

    def int16x8(converter: Converter) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        quantize = converter._quantize
        converter._quantize = lambda file, *rest, **more: finite_scales(
            bytes(quantize(own_biases(bytes(file)), *rest, **more))
        )
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            sets.TFLITE_BUILTINS,  # for casts of inputs
        ]

    return {"float16": float16, "dynamic_int8": dynamic_int8, "int8": int8, "int16x8": int16x8}
