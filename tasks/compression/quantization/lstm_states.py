"""Ranges of what an LSTM remembers, as LiteRT's kernel needs them."""

import copy
from math import log2

import numpy as np

from tasks.compression.flatbuffer import File
from tasks.litert_types import Quantization

OUTPUT_STATE, CELL_STATE, PROJECTION, HIDDEN = 18, 19, 16, 4  # inputs, and one of the intermediates, of LiteRT's LSTM
FINEST = -15  # power of two: the finest step of the cell state whose tanh the kernel computes


def agree_states(flatbuffer: bytes) -> bytes:
    """Give what each int8 LSTM remembers ranges with which LiteRT's kernel computes right.

    The hidden state, and its value before it is remembered, get the range of the output: the kernel copies one to the
    other as they are stored. The converter widens the range of an output that is concatenated with another, as in a
    bidirectional layer, and not that of the state: 5.7 dB instead of 30 and more.

    The cell state gets a range of at least 1. With a smaller one the kernel leaves its tanh out without a word (it
    knows no fewer than 0 integer bits): a network with an LSTM whose cells stay below 0.5 had −8.6 dB instead of 33.

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
            changed |= _widen(graph.tensors[operator.inputs[CELL_STATE]].quantization)
    return file.write() if changed else flatbuffer


def _widen(cell: Quantization) -> bool:
    """Bring the step of a cell state, a power of two, to one that the kernel knows; True if it was a finer one."""
    if is_finer := round(log2(float(cell.scale[0]))) < FINEST:
        cell.scale = np.array([2.0**FINEST], np.float32)
    return is_finer


def _range(quantization: Quantization) -> tuple[list[float], list[int]]:
    return [float(each) for each in quantization.scale], [int(each) for each in quantization.zeroPoint]
