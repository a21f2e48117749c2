"""Takes channels away, in rounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tasks.backend import KerasModel
from tasks.compression.channels.allocation import Allocator, Limits, Metric, cost
from tasks.compression.channels.atoms import Ids
from tasks.compression.channels.criteria import CRITERIA, Criterion
from tasks.compression.channels.criteria.probe import Probe
from tasks.compression.channels.graph import Graph, Keep
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.rebuild import check_removal, masked, rebuild
from tasks.compression.channels.repair import repair
from tasks.compression.layers import named
from tasks.compression.technique import Allocation
from tasks.errors import Unsuited


@dataclass(frozen=True)
class Removal:
    """A removal of channels: the criterion, its spread over the layers, the limits, and the number of rounds.

    ``metric`` and ``budget``: what the network may cost in the end; None: what ``limits`` fixes goes, and no more.
    """

    criterion: Criterion
    allocation: Allocation
    limits: Limits
    rounds: int
    metric: Metric | None = None
    budget: float = 0.0
    repair: bool = False


def remove_channels(model: KerasModel, removal: Removal, probe: Probe) -> tuple[KerasModel, tuple[str, ...]]:
    """Return a smaller model, and the groups that the criterion cannot judge.

    Each round scores what is left anew and goes an equal factor of the way from what the network costs to the budget;
    with ``repair`` it ends with fitting the layers to give what they gave in ``model``.

    Args:
        model: functional or Sequential; stays as it is.
        removal: what may be removed, by which criterion, to which budget.
        probe: gives samples.

    Raises:
        Unsuited: the budget cannot be met, or what is left does not answer as it should.
    """
    whole, kept = model, dict[str, Ids]()
    own = whole_cost(model, removal.metric) if removal.metric else 1.0
    for turn in range(1, removal.rounds + 1):
        graph = read_graph(model)
        scores = CRITERIA[removal.criterion](model, graph, probe)
        allocator = Allocator(graph, scores, removal.limits, removal.allocation)
        goal = removal.budget if turn == removal.rounds else own * (removal.budget / own) ** (turn / removal.rounds)
        price = _price(graph, removal.metric)
        keep = allocator.allocate(price, goal) if removal.metric else allocator.keep([0] * len(graph.groups))
        if keep is None:
            raise Unsuited(
                f"Expected a budget that the network can meet: with every layer at its least width it takes "
                f"{price(allocator.least()):,.0f} {removal.metric}. Received: {removal.budget:,.0f}. "
                f"Raise the budget, lower `minimum` or `multiple_of`, fix fewer layers, or take a criterion that can "
                f"judge all layers."
            )
        smaller = rebuild(model, graph, keep)
        check_removal(masked(model, graph, keep), smaller, probe.context.specs(model))
        model = smaller
        for weight in graph.makers():
            made = weight.axis("makes")
            if made:
                before = kept.get(weight.layer, np.arange(len(made.channels)))
                kept[weight.layer] = before[keep[made.channels]]
        if removal.repair:
            model = repair(whole, model, kept, probe)
    return model, allocator.unjudged


def whole_cost(model: KerasModel, metric: Metric) -> int:
    """Return what a network costs as it is.

    Args:
        model: the network.
        metric: what is counted.
    """
    graph = read_graph(model)
    return cost(graph, graph.everything(), metric)


def _price(graph: Graph, metric: Metric | None) -> Callable[[Keep], float]:
    return lambda keep: float(cost(graph, keep, metric)) if metric else 0.0


def fixed_widths(graph: Graph, wanted: Mapping[str, float | int], excluded: tuple[str, ...]) -> dict[str, int]:
    """Return how many channels of each group stay, for groups of which a layer is named.

    Args:
        graph: of the network.
        wanted: for layers by name, the fraction (float) or the number (int) of their channels that stay.
        excluded: layers, or models of layers, that keep all.

    Raises:
        Unsuited: a name is not that of a layer whose channels may go, tied layers are given two widths, or a
            number is that of a layer with several groups.
    """
    free = {layer for group in graph.groups for layer in group.layers}
    kept = named(excluded, sorted(free))
    for name in (*wanted, *excluded):
        if name not in free and not kept.get(name):
            raise Unsuited(
                f"Expected layers whose channels may go: {', '.join(sorted(free)) or 'there are none'}. "
                f"Received: {name!r}{f', which has to stay with {graph.fixed[name]}' if name in graph.fixed else ''}."
            )
    for name, width in wanted.items():
        groups = [group for group in graph.groups if name in group.layers]
        if isinstance(width, int) and len(groups) > 1:
            raise Unsuited(
                f"Expected a fraction for {name}, whose channels belong to {len(groups)} groups that go apart. "
                f"Received: {width}. Give the fraction that stays, or name layers that have one group each."
            )
    fixed: dict[str, int] = {}
    for group in graph.groups:
        size = len(group.channels)
        asked = {size for names in kept.values() for name in names if name in group.layers}
        asked |= {_count(wanted[name], size) for name in group.layers if name in wanted}
        if len(asked) > 1:
            raise Unsuited(
                f"Expected one width for {group.name}, whose channels go together. "
                f"Received: {', '.join(map(str, sorted(asked)))}. Name one of these layers alone."
            )
        if asked:
            fixed[group.name] = asked.pop()
    return fixed


def _count(wanted: float | int, size: int) -> int:
    return min(size, wanted) if isinstance(wanted, int) else max(1, int(np.ceil(size * wanted)))
