"""Hold a technique to what it says: which layers it changed, and that it changed any."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel
from tasks.compression.records import Reason, Skip
from tasks.compression.technique import Result, Subject, Technique
from tasks.compression.weights import weights
from tasks.errors import SlimlineError, Unsuited
from tasks.learning.causes import cause_of, layer_of

Values = tuple[type, list[NDArray[np.generic]]]  # of a layer or weight, with the class of its layer

OWN = Path(__file__).parents[2]
LIBRARIES = "site-packages"
LEAVE = "Leave the step out, or replace the layer that is the cause."
REPLACE = "Replace the layer that is the cause, or write it with other operations."  # where there is no step to leave
NAMED = 6  # layers that an error names
# what libraries raise on networks that they were not written for, in whosever function it comes up
REFUSALS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError, AssertionError)


def check_changes(technique: Technique, before: Subject, result: Result) -> Result:
    """Return the result with those layers alone as changed whose weights are others than before.

    Args:
        technique: that gave the result.
        before: what it was given.
        result: as the technique tells it.

    Raises:
        Unsuited: the technique is meant to change something, and neither did it nor had it measured that it had better
            not.
    """
    same = _unchanged(result.changed, before, result.subject)
    result = replace(
        result,
        changed=tuple(name for name in result.changed if name not in same),
        skipped=(*result.skipped, *(Skip(layer=name, reason=Reason.UNCHANGED) for name in same)),
        claims=tuple(claim for claim in result.claims if claim.layer not in same),
    )
    if technique.alters and not (result.changed or result.measured or _stores_fewer_bits(result.subject)):
        raise Unsuited(
            f"Expected {technique.technique} to change a layer of this network. Received: {_why(result)}. "
            f"Leave the step out, or take another technique or other settings."
        )
    return result


def _why(result: Result) -> str:
    if not result.skipped:
        return "a network without a layer that it works on"
    named = [f"{skip.layer}: {skip.sentence}" for skip in result.skipped[:NAMED]]
    more = len(result.skipped) - len(named)
    return f"none that it could change: {'; '.join(named)}{f'; and {more} more' if more else ''}"


def _unchanged(names: Sequence[str], before: Subject, after: Subject) -> list[str]:
    """Those of some weights or layers of Keras models whose values are as they were, biases included."""
    if before.form != "keras" or after.form != "keras":
        return []
    old, new = _values(before.network), _values(after.network)
    return [name for name in names if name in old and name in new and _is_same(old[name], new[name])]


def _values(model: KerasModel) -> dict[str, Values]:
    """The values of each layer with the layer's class, and those of each weight of several that a layer has."""
    layers: dict[str, Values] = {str(layer.name): (type(layer), layer.get_weights()) for layer in model.layers}
    return {path: (type(weight.layer), [weight.values()]) for path, weight in weights(model).items()} | layers


def _is_same(old: Values, new: Values) -> bool:
    alike = len(old[1]) == len(new[1]) and old[0] is new[0]
    pairs = zip(old[1], new[1], strict=False)
    return alike and all(a.shape == b.shape and np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _stores_fewer_bits(subject: Subject) -> bool:
    """Return whether a file has weights in a smaller type than float32, also of layers that no name was found of."""
    if subject.form == "keras":
        return False
    from ai_edge_litert import schema_py_generated as schema

    smaller = {getattr(schema.TensorType, name) for name in ("INT2", "INT4", "INT8", "UINT8", "INT16", "FLOAT16")}
    file = schema.Model.GetRootAs(subject.flatbuffer)
    tensors = (
        graph.Tensors(index)
        for graph in (file.Subgraphs(number) for number in range(file.SubgraphsLength()))
        for index in range(graph.TensorsLength())
    )
    return any(
        tensor.Type() in smaller and tensor.ShapeLength() > 1 and file.Buffers(tensor.Buffer()).DataLength()
        for tensor in tensors
    )


@contextmanager
def refusing(step: str, advice: str = LEAVE) -> Iterator[None]:
    """Turn what a library raises on a network that it does not know into a refusal of the recipe.

    Args:
        step: of the recipe, for people.
        advice: what they can do.

    Raises:
        Unsuited: a library raised an error within.
    """
    try:
        yield
    except (SlimlineError, OSError, MemoryError):
        raise
    except Exception as error:
        frames = extract_tb(error.__traceback__)
        if not (isinstance(error, REFUSALS) or LIBRARIES in frames[-1].filename):
            raise
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(OWN / "tasks")]
        where = f"{Path(own[-1].filename).relative_to(OWN)}:{own[-1].lineno}" if own else step
        kind, said = cause_of(error)
        layer = layer_of(error)
        raise Unsuited(
            f"Expected a network that {step} can work on. Received: {kind} at {where}: {said}"
            f"{f' in layer {layer}' if layer else ''}. {advice}"
        ) from error
