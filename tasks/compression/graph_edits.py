"""Add tensors, constants and operators to the objects of a ``.tflite`` file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.litert_types import Integers, Model, Operator, SubGraph


def add_tensor(graph: SubGraph, name: str, kind: int, shape: Sequence[int], buffer: int = 0) -> int:
    """Add a tensor to a graph.

    Args:
        graph: of a file.
        name: of the tensor.
        kind: the schema's number of its type.
        shape: of it.
        buffer: the number of what it holds; 0: it is computed.

    Returns:
        its number.
    """
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name.encode(), kind, buffer
    tensor.shape = np.array(shape, np.int32)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def add_constant(model: Model, graph: SubGraph, name: str, values: NDArray[Any]) -> int:
    """Add a constant to a graph.

    Args:
        model: the file.
        graph: of the file.
        name: of the tensor.
        values: int32, float16 or float32.

    Returns:
        the number of its tensor.
    """
    from ai_edge_litert import schema_py_generated as schema

    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
    kind = getattr(schema.TensorType, values.dtype.name.upper())
    return add_tensor(graph, name, kind, values.shape, len(model.buffers) - 1)


def code_index(model: Model, code: int, version: int = 1) -> int:
    """Return the number of a file's operators of a kind, at a version or a later one; a new one if there is none.

    Args:
        model: the file.
        code: the schema's number of the kind.
        version: the first that does what is needed.
    """
    from ai_edge_litert import schema_py_generated as schema

    for index, known in enumerate(model.operatorCodes):
        if known.builtinCode == code and known.version >= version:
            return index
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), version
    model.operatorCodes.append(made)
    return len(model.operatorCodes) - 1


def operator(index: int, inputs: Sequence[int], outputs: Sequence[int]) -> Operator:
    """Return an operator without options.

    Args:
        index: of its kind, see :func:`code_index`.
        inputs: numbers of tensors.
        outputs: numbers of tensors.
    """
    from ai_edge_litert import schema_py_generated as schema

    made: Operator = schema.OperatorT()
    made.opcodeIndex = index
    made.inputs, made.outputs = (_numbers(each) for each in (inputs, outputs))
    return made


def reshape(model: Model, graph: SubGraph, taken: int, given: int, shape: Array) -> Operator:
    """Return an operator that gives the numbers of a tensor another shape.

    Args:
        model: the file.
        graph: of the file.
        taken: number of the tensor.
        given: number of the tensor that comes out.
        shape: of it; -1 for the one dimension that follows from the others.
    """
    from ai_edge_litert import schema_py_generated as schema

    wanted = np.asarray(shape, np.int32)
    constant = add_constant(model, graph, f"shape of {_name(graph, given)}", wanted)
    made = operator(code_index(model, schema.BuiltinOperator.RESHAPE), [taken, constant], [given])
    made.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    made.builtinOptions = schema.ReshapeOptionsT()
    made.builtinOptions.newShape = wanted
    return made


def _name(graph: SubGraph, number: int) -> str:
    return str((graph.tensors[number].name or b"").decode())


def _numbers(values: Sequence[int]) -> Integers:
    return np.array(values, np.int32)
