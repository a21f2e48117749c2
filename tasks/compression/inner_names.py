"""Names of layers within layers of one's own, which Keras numbers anew in each copy where they were given none."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.backend import KerasLayer
from tasks.compression.roles import is_built_in

TRACKED = "_self_"  # how the names of attributes begin in which Keras itself holds a layer's parts


def keeps_names(layer: KerasLayer) -> bool:
    """Return whether a layer's configuration has the names of the layers within: of Keras' own, and of graphs.

    Args:
        layer: any layer.
    """
    return is_built_in(layer) or bool(getattr(layer, "_is_graph_network", False))


def inner_name(outer: KerasLayer, inner: KerasLayer) -> str:
    """Return what a layer within another is called in every copy: its name, or the attribute that holds it.

    Args:
        outer: a layer of one's own, or one that such a layer makes itself.
        inner: held by it.
    """
    if not _is_numbered(inner, wrapped=keeps_names(outer)):
        return str(inner.name)
    return next((name for name, held in _held(outer) if held is inner), str(inner.name))


def _is_numbered(layer: KerasLayer, wrapped: bool) -> bool:
    """Return whether a layer has a name as Keras makes it of the class: ``depthwise_conv2d_4``.

    Wrappers put a word before it: ``forward_lstm_4``.
    """
    name = str(layer.name).removeprefix("private__")
    kind = type(layer).__name__.replace("_", "").lower()
    plain = [each.replace("_", "").lower() for each in (name, re.sub(r"_\d+$", "", name))]
    return any(each == kind or (wrapped and each.endswith(kind)) for each in plain)


def _held(outer: KerasLayer) -> Iterator[tuple[str, Any]]:
    """All that a layer's attributes hold, each with the name of its attribute and its place in it."""
    waiting = [(key, value) for key, value in vars(outer).items() if not key.startswith(TRACKED)]
    if getattr(outer, "_is_graph_network", False):
        waiting = [(f"layers_{number}", layer) for number, layer in enumerate(outer.layers)]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop(0)
        yield name, value
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            waiting.extend((f"{name}_{key}", part) for key, part in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((f"{name}_{number}", part) for number, part in enumerate(value))
