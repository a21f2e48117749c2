"""Choose how many channels of each group stay, so that a budget is met; and the cost of a network with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.compression.channels.graph import Graph, Group, Keep
from tasks.compression.technique import Allocation

Metric = Literal["channels", "parameters", "macs"]
Price = Callable[[Keep], float]


def cost(graph: Graph, keep: Keep, metric: Metric) -> int:
    """Return what the network costs with the channels of ``keep``.

    ``channels``: that may be removed at all; ``parameters``: values of all weights; ``macs``: multiply-accumulates of
    convolutions and dense layers for one image.

    Args:
        graph: of the network.
        keep: bool ``[graph.count]``.
        metric: what is counted.
    """
    if metric == "channels":
        return sum(int(np.count_nonzero(keep[group.channels])) for group in graph.groups)
    if metric == "parameters":
        return sum(weight.size(keep) for weight in graph.weights)
    return sum(weight.size(keep) * weight.positions for weight in graph.weights)


@dataclass(frozen=True)
class Limits:
    """The limits to which a group may be cut.

    ``minimum``: channels that stay at least; ``multiple_of``: a cut group keeps a multiple of it; ``fixed``: how many
    channels of a group stay, by the group's name, whatever the budget.
    """

    minimum: int
    multiple_of: int
    fixed: Mapping[str, int]

    def widths(self, group: Group) -> tuple[int, ...]:
        """Return the numbers of channels that a group may have, falling, beginning with all.

        Args:
            group: of channels that go only together.
        """
        size = len(group.channels)
        if group.name in self.fixed:
            return (min(size, self.fixed[group.name]),)
        steps = range(self.multiple_of, size, self.multiple_of)
        return (size, *(width for width in reversed(steps) if width >= self.minimum))


class Allocator:
    """Takes channels away, always from the group where the next step costs least, until the budget is met.

    What a step costs is, with ``uniform``, the share of the group that is gone then; with ``global`` the score of what
    goes for each unit of the budget that it saves.
    """

    def __init__(self, graph: Graph, scores: NDArray[np.float64], limits: Limits, allocation: Allocation) -> None:
        self._graph, self._allocation, self._scores = graph, allocation, scores
        # layers whose channels the criterion cannot tell apart stay
        self.unjudged = tuple(group.name for group in graph.groups if np.isnan(scores[group.channels]).any())
        # the most important first; equal ones in their order in the layer
        self._orders = [group.channels[np.argsort(-scores[group.channels], kind="stable")] for group in graph.groups]
        self._widths = [
            (len(group.channels),) if group.name in self.unjudged else limits.widths(group) for group in graph.groups
        ]

    def allocate(self, price: Price, budget: float) -> Keep | None:
        """The channels that stay: as many as the budget allows, to one step of one group.

        ``global`` gives back what the last steps took beyond need; ``uniform`` does not, or layers that cost little
        would end wider than others.

        Args:
            price: of what is kept, in the budget's unit; falls with each channel that goes.
            budget: what may be spent.

        Returns:
            bool ``[graph.count]``, or None where the budget cannot be met.
        """
        steps = [0] * len(self._widths)
        while (spent := price(self.keep(steps))) > budget:
            costs = [
                (self._cost(steps, index, price, spent), index)
                for index, step in enumerate(steps)
                if step + 1 < len(self._widths[index])
            ]
            if not costs:
                return None
            steps[min(costs)[1]] += 1
        return self.keep(self._give_back(steps, price, budget) if self._allocation == "global" else steps)

    def keep(self, steps: Sequence[int]) -> Keep:
        """Return what stays when each group has made so many steps.

        Args:
            steps: for each group, from 0 for all channels.
        """
        keep = self._graph.everything()
        for order, widths, step in zip(self._orders, self._widths, steps, strict=True):
            keep[order[widths[step] :]] = False
        return keep

    def least(self) -> Keep:
        """Return what stays when every group is as small as it may be."""
        return self.keep([len(widths) - 1 for widths in self._widths])

    def _cost(self, steps: Sequence[int], index: int, price: Price, spent: float) -> float:
        """Return what the next step of a group costs."""
        order, widths, step = self._orders[index], self._widths[index], steps[index]
        if self._allocation == "uniform":
            return 1.0 - widths[step + 1] / len(order)
        saved = spent - price(self.keep(_moved(steps, index, 1)))
        return self._lost(index, step + 1) / max(saved, 1e-9)

    def _lost(self, index: int, step: int) -> float:
        """The score of the channels that a group loses with a step."""
        widths = self._widths[index]
        return float(np.sum(self._scores[self._orders[index][widths[step] : widths[step - 1]]]))

    def _give_back(self, steps: list[int], price: Price, budget: float) -> list[int]:
        """Undo the dearest steps that the budget allows to undo: the last one may have been a long one."""
        while True:
            undone = [
                (-self._lost(index, step), index)
                for index, step in enumerate(steps)
                if step and price(self.keep(_moved(steps, index, -1))) <= budget
            ]
            if not undone:
                return steps
            steps = _moved(steps, min(undone)[1], -1)


def _moved(steps: Sequence[int], index: int, by: int) -> list[int]:
    return [step + by * (place == index) for place, step in enumerate(steps)]
