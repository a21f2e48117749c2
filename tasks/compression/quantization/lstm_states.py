"""One range for what an LSTM gives and what it remembers of it."""

import copy

from tasks.compression.flatbuffer import File
from tasks.litert_types import Quantization

OUTPUT_STATE, PROJECTION, HIDDEN = 18, 16, 4  # inputs, and a number of the intermediates, in LiteRT's LSTM


def agree_states(flatbuffer: bytes) -> bytes:
    """Give the hidden state of each int8 LSTM, and its value before it is remembered, the range of the output.

    LiteRT's kernel copies one to the other as they are stored. The converter widens the range of an output that is
    concatenated with another, as in a bidirectional layer, and not that of the state: 5.7 dB instead of 30 and more.

    Args:
        flatbuffer: of an int8 file.

    Returns:
        the same bytes where nothing had to be changed.
    """
    from ai_edge_litert import schema_py_generated as schema

    file, changed = File(flatbuffer), False
    for graph in file.model.subgraphs:
        for operator in graph.operators or ():
            if file.code(operator) != schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM:
                continue
            output = graph.tensors[operator.outputs[0]]
            if output.type != schema.TensorType.INT8 or operator.inputs[PROJECTION] >= 0:
                continue
            for number in (operator.inputs[OUTPUT_STATE], operator.intermediates[HIDDEN]):
                other = graph.tensors[number].quantization
                if _range(other) != _range(output.quantization):
                    graph.tensors[number].quantization = copy.deepcopy(output.quantization)
                    changed = True
    return file.write() if changed else flatbuffer


def _range(quantization: Quantization) -> tuple[list[float], list[int]]:
    return [float(each) for each in quantization.scale], [int(each) for each in quantization.zeroPoint]
