"""Multiply-accumulates of a file for one sample, in all of its graphs."""

from collections.abc import Iterator
from math import prod

import numpy as np

from tasks.evaluation.file import DTYPES, Flatbuffer
from tasks.litert_types import Operator, SubGraph, Tensor

LSTM_WEIGHTS = (*range(1, 9), 16)  # inputs of LiteRT's LSTM: of each gate for inputs and for states, and the projection


def measure_macs(file: Flatbuffer) -> int:
    """Count the multiply-accumulates of convolutions, dense layers, products of matrices and LSTMs.

    Args:
        file: of the model.

    Returns:
        how many there are for one sample.
    """
    times = _times(file)
    total = 0
    for number, graph in enumerate(file.model.subgraphs):
        batch = _batch(graph if number not in times else file.model.subgraphs[0])
        macs = sum(_macs(file.name(operation), operation, graph) for operation in graph.operators or ())
        total += macs * times.get(number, 1) // batch
    return total


def _batch(graph: SubGraph) -> int:
    """Samples that the inputs of a graph hold at once."""
    shape = graph.tensors[graph.inputs[0]].shape if graph.inputs is not None and len(graph.inputs) else None
    return max(1, int(shape[0])) if shape is not None and len(shape) else 1


def _times(file: Flatbuffer) -> dict[int, int]:
    """For each graph that others call, how often it runs; a graph of its own is not in it."""
    found: dict[int, int] = {}
    begun = {0, *(int(signature.subgraphIndex) for signature in file.model.signatureDefs or ())}

    def follow(number: int, runs: int, within: frozenset[int]) -> None:
        for called, rounds in _calls(file, file.model.subgraphs[number]):
            if called not in within:  # a graph that calls itself would go on without end
                found[called] = found.get(called, 0) + runs * rounds
                follow(called, runs * rounds, within | {called})

    for number in begun:
        follow(number, 1, frozenset({number}))
    return found


def _calls(file: Flatbuffer, graph: SubGraph) -> Iterator[tuple[int, int]]:
    """The graphs that a graph calls, each with how often in a run of its own."""
    for operation in graph.operators or ():
        name, options = file.name(operation), operation.builtinOptions
        if name == "WHILE":
            rounds = _rounds(file, graph, operation)
            yield int(options.condSubgraphIndex), rounds
            yield int(options.bodySubgraphIndex), rounds
        elif name == "IF":
            yield int(options.thenSubgraphIndex), 1
            yield int(options.elseSubgraphIndex), 1
        elif name == "CALL_ONCE":
            yield int(options.initSubgraphIndex), 0
        elif name == "CALL":
            yield int(options.subgraph), 1


def _rounds(file: Flatbuffer, graph: SubGraph, loop: Operator) -> int:
    """Return how often a loop runs that counts up by one to a number in the file; 1 where it is another loop."""
    condition = file.model.subgraphs[loop.builtinOptions.condSubgraphIndex]
    for test in condition.operators or ():
        if file.name(test) == "LESS" and len(condition.operators) == 1:
            counter, end = (int(index) for index in test.inputs)
            place = list(condition.inputs).index(counter) if counter in condition.inputs else -1
            first = _whole(file, graph.tensors[loop.inputs[place]]) if place >= 0 else None
            last = _whole(file, condition.tensors[end])
            if first is not None and last is not None:
                return max(0, last - first)
    return 1


def _whole(file: Flatbuffer, tensor: Tensor) -> int | None:
    """The one integer that a constant is."""
    stored, kind = file.bytes_of(tensor), file.type(tensor)
    if stored is None or kind not in ("INT32", "INT64"):
        return None
    values = stored.view(DTYPES[kind])
    return int(values[0]) if len(values) == 1 else None


def _macs(name: str, operation: Operator, graph: SubGraph) -> int:
    """Multiply-accumulates of an operation: elements of its output × terms of each."""
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return _lstm(operation, graph)
    if name not in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"}:
        return 0
    left, right = (graph.tensors[index].shape for index in operation.inputs[:2])
    elements = prod(graph.tensors[operation.outputs[0]].shape)
    if name == "BATCH_MATMUL":
        terms = left[-2] if operation.builtinOptions.adjX else left[-1]
    elif name == "DEPTHWISE_CONV_2D":
        terms = prod(right[1:3])
    else:  # the kernel's first dimension is the output's last
        terms = prod(right[1:])
    return int(elements * terms)


def _lstm(operation: Operator, graph: SubGraph) -> int:
    """Each of its matrices once for each sample and step."""
    present = [index for index in np.asarray(operation.inputs)[list(LSTM_WEIGHTS)] if index >= 0]
    places = prod(int(size) for size in graph.tensors[operation.inputs[0]].shape[:2])
    return places * sum(prod(int(size) for size in graph.tensors[index].shape) for index in present)
