"""Fewer bits for the weights of a float file, each layer in its own, by ai-edge-quantizer."""

import contextlib
import io
import re
from collections.abc import Mapping
from typing import Any, Literal

from tasks.compression.flatbuffer import File
from tasks.compression.quantization.float_file import FloatFile, Kind, Operation

Bits = Literal[4, 8, 16, 32]
WeightRange = Literal["minmax", "mse", "octav"]
WIDTHS: dict[Kind, tuple[Bits, ...]] = {
    "dense": (16, 8, 4),
    "convolution": (16, 8, 4),
    "other": (16, 8),
    "fixed": (32,),
}


def widths_of(file: FloatFile, path: str) -> tuple[Bits, ...]:
    """The widths that a weight may have, falling: 4 bits only where dense layers and convolutions alone read it.

    ai-edge-quantizer leaves others as float32 where it is asked for 4 bits of them, and says nothing.
    """
    return WIDTHS[file.kind(path)]


def is_blocked(file: FloatFile, path: str, block: int | None) -> bool:
    """Whether a weight in 4 bits has a step for each block: one of dense layers whose inputs ``block`` divides."""
    even = all(not values.shape[-1] % block for values in file.weights[path]) if block else False
    return even and file.kind(path) == "dense"


def quantize_weights(
    file: FloatFile,
    bits: Mapping[str, Bits],
    block: int | None = None,
    ranges: Mapping[str, WeightRange] | None = None,
) -> bytes:
    """Store the weights of these paths as int4, int8 (activations rounded on use) or float16.

    Args:
        file: what is quantized.
        bits: by path; the others stay float32.
        block: inputs of a dense layer that share a step in 4 bits, instead of all inputs of an output; layers whose
            inputs it does not divide have a step for each output.
        ranges: by path what the levels of 4 bits are spread over, ``minmax`` unless it is named.

    Returns:
        a file that takes the same pixels and gives float32 logits.
    """
    from ai_edge_quantizer import quantizer

    names = {}
    scoped = File(file.flatbuffer)
    for path in bits:
        for operation in file.operations[path]:
            output = _output(scoped, operation)
            names[scope := f"slimline-{operation.graph}-{operation.operator}"] = output.name
            output.name = scope.encode()  # two operators may have one name, and a scope is an expression
    if not names or set(bits.values()) == {32}:
        return file.flatbuffer
    tool = quantizer.Quantizer(bytearray(scoped.write()))
    for path, width in bits.items():
        for operation in file.operations[path]:
            scope = f"^{re.escape(f'slimline-{operation.graph}-{operation.operator}')};?$"
            blocked = block if width == 4 and is_blocked(file, path, block) else None
            _configure(tool, scope, width, blocked, (ranges or {}).get(path, "minmax"))
    # it prints sizes, and bars for many operators
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        made = File(bytes(tool.quantize().quantized_model))
    for graph in made.model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = names.get(tensor.name.decode(), tensor.name)
    return made.write()


def _output(file: File, operation: Operation) -> Any:
    graph = file.model.subgraphs[operation.graph]
    return graph.tensors[graph.operators[operation.operator].outputs[0]]


def _configure(tool: Any, scope: str, width: Bits, block: int | None, over: WeightRange) -> None:
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    every, grain = qtyping.TFLOperationName.ALL_SUPPORTED, qtyping.QuantGranularity
    algorithms = {"minmax": AlgorithmName.MIN_MAX_UNIFORM_QUANT, "mse": AlgorithmName.MSE, "octav": AlgorithmName.OCTAV}
    if width == 16:
        tool.add_weight_only_config(scope, every, 16, algorithm_key=AlgorithmName.FLOAT_CASTING)
    elif width < 16:
        grains = grain[f"BLOCKWISE_{block}"] if block else grain.CHANNELWISE
        algorithm = algorithms[over] if width == 4 else algorithms["minmax"]
        tool.add_dynamic_config(scope, every, width, grains, algorithm)
