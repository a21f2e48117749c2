"""Fewer bits for the weights of a float file, each layer in its own, by ai-edge-quantizer; and whether the kernels
that will run the file give what its weights mean."""

import contextlib
import io
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import constants_by_layer
from tasks.compression.quantization.distortion import sqnr
from tasks.compression.quantization.float_file import FloatFile, Operation, predict
from tasks.errors import CompressionError
from tasks.litert import Model

Bits = Literal[4, 8, 16]
WIDTHS: tuple[Bits, ...] = (16, 8, 4)
AGREES = 20.0  # decibels: 8-bit activations alone give 40 or so, wrong kernels 5


def widths_of(operation: Operation) -> tuple[Bits, ...]:
    """The widths that weights of an operation may have, falling: only dense layers and convolutions have 4 bits.

    ai-edge-quantizer leaves others as float32 where it is asked for 4 bits of them, and says nothing.
    """
    return WIDTHS if operation.kind != "other" else WIDTHS[:-1]


def quantize_weights(file: FloatFile, bits: Mapping[str, Bits], block: int | None = None) -> bytes:
    """Store the named layers' weights as int4, int8 (activations rounded on use) or float16.

    Args:
        file: what is quantized.
        bits: by layer; the others stay float32.
        block: inputs of a dense layer that share a step in 4 bits, instead of all inputs of an output; layers whose
            inputs it does not divide have a step for each output.

    Returns:
        a file that takes the same pixels and gives float32 logits.
    """
    from ai_edge_quantizer import quantizer

    tool = quantizer.Quantizer(bytearray(file.flatbuffer))
    for name, width in bits.items():
        operation = file.operations[name]
        blocked = width == 4 and operation.kind == "dense" and block and not file.weights[name].shape[1] % block
        _configure(tool, f"^{re.escape(operation.output)};?$", width, block if blocked else None)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints sizes
        return bytes(tool.quantize().quantized_model)


def _configure(tool: Any, scope: str, width: Bits, block: int | None) -> None:
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    every, grain = qtyping.TFLOperationName.ALL_SUPPORTED, qtyping.QuantGranularity
    if width == 16:
        tool.add_weight_only_config(scope, every, 16, algorithm_key=AlgorithmName.FLOAT_CASTING)
    else:
        tool.add_dynamic_config(scope, every, width, grain[f"BLOCKWISE_{block}"] if block else grain.CHANNELWISE)


def check_kernels(flatbuffer: bytes, file: FloatFile, images: NDArray[np.uint8]) -> dict[str, float]:
    """Compare what the runtime's kernels give with what the stored weights mean.

    Returns:
        decibels by kind of kernels: ``xnnpack``, which slimline runs and recommends, and ``reference``, which run
        where XNNPACK is not built in.

    Raises:
        CompressionError: XNNPACK's kernels give other numbers than the weights mean.
    """
    stored = constants_by_layer(flatbuffer, file.weights)
    meant = predict(file.replaced({name: constant.real() for name, constant in stored.items()}), images)
    seen = {
        "xnnpack": round(sqnr(meant, predict(flatbuffer, images, 1)), 1),
        "reference": round(sqnr(meant, Model(flatbuffer, delegate=False).predict(images)), 1),
    }
    if seen["xnnpack"] < AGREES:
        raise CompressionError(
            f"Expected the runtime to give what the stored weights mean, to {AGREES} dB. "
            f"Received: {seen['xnnpack']} dB. This runtime has no right kernels for them: take another mode or block."
        )
    return seen
