"""Criteria by parameters: how large a filter is, or how unlike the others.

- ``l1``, ``l2``: the norm of a filter's weights (Li et al. 2017, Pruning Filters for Efficient ConvNets,
  arXiv:1608.08710).
- ``geometric_median``: the filters that the others can best stand in for, those nearest to all others (He et al. 2019,
  Filter Pruning via Geometric Median, arXiv:1811.00250).

Filters of different layers have different shapes, so that each score is taken as a multiple of its layer's mean. A
channel that several layers make together, since they are added, has the mean of its scores in them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel
from tasks.compression.channels.criteria.probe import Probe, Scores
from tasks.compression.channels.graph import Graph

Filters = NDArray[np.float64]  # [filters, weights of each]


def l1(model: KerasModel, graph: Graph, probe: Probe) -> Scores:  # noqa: ARG001
    """Return the sum of absolute weights.

    Args:
        model: the network.
        graph: of its channels.
        probe: of no account.
    """
    return by_filter(model, graph, lambda filters: np.abs(filters).sum(axis=1))


def l2(model: KerasModel, graph: Graph, probe: Probe) -> Scores:  # noqa: ARG001
    """Return the root of the sum of squared weights.

    Args:
        model: the network.
        graph: of its channels.
        probe: of no account.
    """
    return by_filter(model, graph, lambda filters: np.sqrt(np.square(filters).sum(axis=1)))


def geometric_median(model: KerasModel, graph: Graph, probe: Probe) -> Scores:  # noqa: ARG001
    """Return the mean distance to the other filters of the layer.

    Args:
        model: the network.
        graph: of its channels.
        probe: of no account.
    """
    return by_filter(model, graph, _isolation)


def by_filter(model: KerasModel, graph: Graph, measure: Callable[[Filters], Scores]) -> Scores:
    """Return the measure of each channel's filter by its layer's mean, averaged over the layers that make the channel.

    Args:
        model: the network.
        graph: of its channels.
        measure: gives a score for each filter, ``[filters]`` of ``[filters, weights]``.
    """
    total, times = np.zeros(graph.count), np.zeros(graph.count)
    for weight in graph.makers():
        axis = weight.axis("makes")
        if axis is None:
            continue
        values = weight.of(model).numpy()
        scores = measure(np.moveaxis(values, axis.axis, 0).reshape(len(axis.channels), -1).astype(np.float64))
        np.add.at(total, axis.channels, scores / (scores.mean() or 1.0))
        np.add.at(times, axis.channels, 1.0)
    return total / np.maximum(times, 1.0)


def _isolation(filters: Filters) -> Scores:
    """Mean distance to those that are left when the least isolated filter is taken out, one after the other.

    Were all distances taken at once, two equal filters would both go, and what they do with them; when one of them has
    gone, the other is no longer doubled.
    """
    # one row at a time, without a matrix product: equal filters are at distance 0 exactly, whatever the machine
    distances = np.array([np.sqrt(np.square(filters - one).sum(axis=1)) for one in filters])
    left, scores, floor = list(range(len(filters))), np.zeros(len(filters)), 0.0
    while left:
        means = distances[np.ix_(left, left)].sum(axis=1) / max(1, len(left) - 1)
        index = int(np.argmin(means)) if len(left) > 1 else 0
        # scores rise in the order in which filters go
        floor = scores[left[index]] = max(floor, float(means[index]))
        del left[index]
    return scores
