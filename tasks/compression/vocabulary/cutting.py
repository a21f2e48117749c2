"""Take the layer that gives ids new numbers out of a file."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.compression.technique import Subject
from tasks.errors import ConversionError
from tasks.learning.recorded import Recorded
from tasks.learning.renumbering import NAME
from tasks.samples import Inputs


def without_renumbering(subject: Subject, numbers: Sequence[int], recorded: Recorded) -> Subject:
    """Take the layer of new numbers out of a file, which then takes these.

    Args:
        subject: a flatbuffer with the layer.
        numbers: the new number of each id.
        recorded: samples that the file before is asked about, and the file after by their new numbers.

    Returns:
        the file, which knows the numbers.

    Raises:
        ConversionError: it would give other answers.
    """
    table = np.asarray(numbers, np.int32)
    file = File(subject.flatbuffer)
    _cut(file, table)
    made = file.write()
    after = renumbered_samples(recorded, numbers)
    for kernels in (XNNPACK, PLAIN):
        before_, after_ = answers(subject.flatbuffer, recorded.inputs, kernels), answers(made, after.inputs, kernels)
        if before_.tobytes() != after_.tobytes():
            raise ConversionError(
                "Expected a file that gives for new numbers of ids what it gave for the old ones. Received: other "
                "answers. Leave prune_vocabulary out."
            )
    return replace(subject, flatbuffer=made, numbers=tuple(numbers))


def renumbered_samples(recorded: Recorded, numbers: Sequence[int]) -> Recorded:
    """Return samples by the new numbers of their ids.

    Args:
        recorded: samples of one input.
        numbers: the new number of each id.
    """
    ((name, ids),) = recorded.inputs.arrays.items()
    specs = recorded.specs and tuple(spec.model_copy(update={"high": max(numbers)}) for spec in recorded.specs)
    return replace(recorded, inputs=Inputs({name: np.asarray(numbers)[ids].astype(ids.dtype)}), specs=specs)


def _cut(file: File, numbers: NDArray[np.int32]) -> None:
    """Let what reads the new numbers read the input in their place."""
    from ai_edge_litert import schema_py_generated as schema

    graph = file.model.subgraphs[0]
    (given,) = map(int, graph.inputs)
    found = [
        each
        for each in graph.operators
        if file.code(each) == schema.BuiltinOperator.GATHER
        and int(each.inputs[1]) == given
        and file.content(graph.tensors[each.inputs[0]]) == numbers.tobytes()
    ]
    readers = [each for each in graph.operators if given in each.inputs and each not in found]
    if not found or readers:
        raise ConversionError(
            f"Expected a file that gives its ids new numbers first ({NAME}). Received: "
            f"{'ids that something else reads, too' if readers else 'none that does'}. Leave prune_vocabulary out."
        )
    for each in found:
        graph.operators.remove(each)
        unused = graph.tensors[each.inputs[0]]
        file.store(unused, np.zeros(1, np.int32))
        unused.shape = np.array([1], np.int32)
        for other in graph.operators:
            other.inputs = np.where(np.asarray(other.inputs) == each.outputs[0], given, other.inputs).astype(np.int32)
