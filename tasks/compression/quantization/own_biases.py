"""A bias for each operator, since a bias is stored in multiples of a scale that its operator decides."""

import copy

import numpy as np

from tasks.compression.flatbuffer import File


def own_biases(flatbuffer: bytes) -> bytes:
    """Give each operator of a float file a bias tensor of its own.

    The converter stores equal biases once, those of a layer or of a BatchNorm that is called twice say. Its quantizer
    for 16-bit activations brings a bias to the input's scale times the weights' scale of one of the operators that read
    it, and the others then add another number.

    Args:
        flatbuffer: of a float file.

    Returns:
        the same bytes where no bias is shared.
    """
    from ai_edge_litert import schema_py_generated as schema

    builtin = schema.BuiltinOperator
    slots = {builtin.CONV_2D: 2, builtin.DEPTHWISE_CONV_2D: 2, builtin.FULLY_CONNECTED: 2, builtin.TRANSPOSE_CONV: 3}
    file, shared = File(flatbuffer), False
    for graph in file.model.subgraphs:
        seen: set[int] = set()
        for operator in graph.operators or ():
            slot = slots.get(file.code(operator), len(operator.inputs))
            index = int(operator.inputs[slot]) if slot < len(operator.inputs) else -1
            if index in seen:
                bias = copy.deepcopy(graph.tensors[index])
                graph.tensors.append(bias)
                file.store(bias, np.frombuffer(file.content(bias), np.float32))
                operator.inputs = np.array(operator.inputs, np.int32)
                operator.inputs[slot] = len(graph.tensors) - 1
                shared = True
            elif index >= 0:
                seen.add(index)
    return file.write() if shared else flatbuffer
