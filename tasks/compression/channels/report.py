"""Says for each layer what came of a removal."""

from tasks.backend import KerasLayer, KerasModel
from tasks.compression.channels.allocation import Limits
from tasks.compression.channels.graph import Group
from tasks.compression.channels.reading import read_graph
from tasks.compression.records import Reason, Skip
from tasks.compression.technique import Claim
from tasks.compression.weights import Weight, of_layer, weights


def changed_layers(before: KerasModel, after: KerasModel) -> tuple[str, ...]:
    """Return the layers that read inputs or carry channels to several outputs, and whose weights have other shapes now.

    Args:
        before: the network before the removal.
        after: the one it left.
    """
    every = weights(before)
    return tuple(
        layer.name
        for layer in before.layers
        if any(_multiplies(every[path]) for path in of_layer(every, layer.name))
        and _shapes(layer) != _shapes(after.get_layer(layer.name))
    )


def _multiplies(weight: Weight) -> bool:
    return weight.has("makes") or weight.channelwise


def skipped_layers(
    before: KerasModel, changed: tuple[str, ...], limits: Limits, unjudged: tuple[str, ...]
) -> tuple[Skip, ...]:
    """Return the layers with a kernel that stay as they are, and why.

    If no layer is changed, the network met its budget before.

    Args:
        before: the network before the removal.
        changed: names of the layers that were changed.
        limits: what a person has fixed.
        unjudged: groups that the criterion cannot judge.
    """
    graph = read_graph(before)
    reasons: dict[str, tuple[Reason, str]] = {}
    for group in graph.groups:
        for layer in group.layers:
            reasons.setdefault(layer, _reason(group, limits, unjudged, bool(changed)))
    reasons |= {layer: (Reason.TIED, why) for layer, why in graph.fixed.items() if layer not in reasons}
    reasons |= {layer: (Reason.UNSUPPORTED, kind) for layer, kind in graph.unsupported.items()}
    every = weights(before)
    names = [layer.name for layer in before.layers if of_layer(every, layer.name)]
    return tuple(
        Skip(layer=name, reason=reason, detail=detail)
        for name in names
        if name not in changed
        for reason, detail in (reasons.get(name, (Reason.UNSUPPORTED, type(before.get_layer(name)).__name__)),)
    )


def _reason(group: Group, limits: Limits, unjudged: tuple[str, ...], cut: bool) -> tuple[Reason, str]:
    if group.name in unjudged:
        return Reason.UNSUPPORTED, "the criterion finds nothing to judge its channels by"
    if group.name in limits.fixed:
        return Reason.EXCLUDED, ""
    if len(limits.widths(group)) == 1:
        return Reason.TOO_SMALL, "it has the least number of channels"
    if not cut:
        return Reason.UNCHANGED, "the network meets the budget as it is"
    return Reason.SENSITIVE, "the budget is met by channels of other layers that matter less"


def claims(after: KerasModel, changed: tuple[str, ...]) -> tuple[Claim, ...]:
    """Return how many channels each changed convolution or dense layer makes, at most.

    Args:
        after: the network that the removal left.
        changed: names of the layers that were changed.
    """
    paths = {id(weight.variable): path for path, weight in weights(after).items()}
    makers = read_graph(after).makers()
    return tuple(
        Claim(paths[id(maker.weight.variable)], "channels", float(len(axis.channels)))
        for name in changed
        for maker in makers
        for axis in (maker.axis("makes"),)
        if axis and maker.layer == name
    )


def _shapes(layer: KerasLayer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
