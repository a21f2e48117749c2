"""Find the channels of a network.

Every tensor of the network is described by the channels on its last axis. A convolution makes new ones; BatchNorm,
pooling or a depthwise convolution hand on what they get; Flatten repeats a channel once for every place of the image;
Concatenate puts lists one behind the other; Add makes its inputs' channels one.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from tasks.backend import KerasModel, TfTensor
from tasks.compression.channels.atoms import Ids
from tasks.compression.channels.graph import ChannelAxis, Graph, Group, Size, WeightChannels
from tasks.compression.channels.rules import apply_rule
from tasks.compression.channels.trace import Trace
from tasks.compression.weights import weight_of


def read_graph(model: KerasModel) -> Graph:
    """Find the channels of a functional or Sequential model.

    A layer of a kind that is not in :data:`tasks.compression.channels.rules.RULES` holds the channels that it takes
    and those that it gives, and with them all that they are tied to.

    Args:
        model: functional or Sequential.

    Returns:
        the channels on all axes of all weights, and which go only together.
    """
    trace, tensors = Trace(), dict[int, Ids]()
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            outputs = _flat(node.outputs)
            channels = apply_rule(trace, node, [tensors[id(tensor)] for tensor in node.keras_inputs])
            tensors |= {id(tensor): given for tensor, given in zip(outputs, channels, strict=True)}
    for tensor in model.outputs:
        trace.atoms.fix(tensors[id(tensor)], "the model's output")
    noted = {key[0] for key in trace.weights}
    for layer in model.layers:
        for index, variable in enumerate(layer.weights if layer.name not in noted else ()):
            trace.weights[layer.name, str(index)] = WeightChannels(weight_of(layer, str(index), variable))
    return _finish(trace)


def _flat(outputs: TfTensor | Sequence[TfTensor]) -> list[TfTensor]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _finish(trace: Trace) -> Graph:
    """Number the channels, tied atoms as one, and sort them into groups."""
    atoms = trace.atoms
    roots = np.array([atoms.root(atom) for atom in range(len(atoms))], np.intp)
    distinct, number = np.unique(roots, return_inverse=True)
    weights = tuple(
        WeightChannels(
            weight.weight,
            tuple(ChannelAxis(axis.axis, axis.role, number[axis.channels]) for axis in weight.axes),
            weight.positions,
        )
        for weight in trace.weights.values()
    )
    why = {index: atoms.why(int(root)) for index, root in enumerate(distinct)}
    return Graph(
        count=len(distinct),
        weights=weights,
        sizes={name: Size(size.key, number[size.channels]) for name, size in trace.sizes.items()},
        groups=_groups(weights, why),
        fixed=_fixed(weights, why),
        unsupported=trace.unsupported,
    )


def _groups(weights: tuple[WeightChannels, ...], why: Mapping[int, str]) -> tuple[Group, ...]:
    """Free channels by what uses them: equal uses, one group."""
    uses: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    makers: dict[int, list[str]] = defaultdict(list)
    for index, weight in enumerate(weights):
        for axis in weight.axes:
            for channel in axis.channels.tolist():
                uses[channel][index, axis.axis] += 1
                if axis.role == "makes" and weight.layer not in makers[channel]:
                    makers[channel].append(weight.layer)
    alike: dict[frozenset[tuple[tuple[int, int], int]], list[int]] = defaultdict(list)
    for channel in sorted(uses):
        if makers[channel] and not why[channel]:
            alike[frozenset(uses[channel].items())].append(channel)
    return tuple(Group(tuple(makers[channels[0]]), np.array(channels)) for channels in alike.values())


def _fixed(weights: tuple[WeightChannels, ...], why: Mapping[int, str]) -> dict[str, str]:
    """Name what holds a layer whose own channels have to stay, or those that it carries if it makes none."""
    making = {weight.layer for weight in weights if weight.axis("makes")}
    fixed: dict[str, str] = {}
    for weight in weights:
        axis = weight.axis("makes" if weight.layer in making else "carries")
        reasons = [why[channel] for channel in axis.channels.tolist() if why[channel]] if axis else []
        if reasons:
            fixed.setdefault(weight.layer, reasons[0])
    return fixed
