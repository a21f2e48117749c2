"""A file read without an interpreter: its memory between runs and its signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class State:
    """A file's memory in an interpreter between runs.

    ``tensors``: variables that :func:`tasks.litert.run` sets back. ``resources``: whether it writes others, which
    nothing sets back.
    """

    tensors: int
    resources: bool


def state_of(flatbuffer: bytes) -> State:
    """Return what a file keeps between runs.

    Args:
        flatbuffer: the file's content.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(flatbuffer)
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    tensors = sum(graph.Tensors(index).IsVariable() for graph in graphs for index in range(graph.TensorsLength()))
    # a graph that CALL_ONCE names gives variables their first values; only the others run each time
    once = {index for graph in graphs for index in _called_once(model, graph)}
    written = {
        model.OperatorCodes(graph.Operators(index).OpcodeIndex()).BuiltinCode()
        for number, graph in enumerate(graphs)
        if number not in once
        for index in range(graph.OperatorsLength())
    }
    return State(tensors, schema.BuiltinOperator.ASSIGN_VARIABLE in written)


def _called_once(model: Any, graph: Any) -> list[int]:
    from ai_edge_litert import schema_py_generated as schema

    found = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == schema.BuiltinOperator.CALL_ONCE:
            options = schema.CallOnceOptions()
            options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
            found.append(int(options.InitSubgraphIndex()))
    return found


def signature_of(flatbuffer: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Return the names of a file's inputs and those of its outputs, each with the number of its tensor.

    They are those of the first signature; both are empty where a file has none.

    Args:
        flatbuffer: the file's content.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(flatbuffer)
    if not model.SignatureDefsLength():
        return {}, {}
    first = model.SignatureDefs(0)
    inputs = [first.Inputs(index) for index in range(first.InputsLength())]
    outputs = [first.Outputs(index) for index in range(first.OutputsLength())]
    return _numbers(inputs), _numbers(outputs)


def input_names(flatbuffer: bytes) -> list[str]:
    """Return the names of a file's inputs in the order in which its first graph takes them.

    Args:
        flatbuffer: the content of a file that has a signature.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph, (entries, _) = schema.Model.GetRootAs(flatbuffer).Subgraphs(0), signature_of(flatbuffer)
    names = {number: name for name, number in entries.items()}
    return [names[int(graph.Inputs(index))] for index in range(graph.InputsLength())]


def _numbers(entries: Sequence[Any]) -> dict[str, int]:
    return {(entry.Name() or b"").decode(errors="replace"): int(entry.TensorIndex()) for entry in entries}
