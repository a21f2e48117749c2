"""The criterion by structure: BatchNorm's scale of a channel (Liu et al. 2017, Network Slimming, arXiv:1708.06519)."""

import numpy as np

from tasks.backend import KerasModel
from tasks.compression.channels.criteria.probe import Probe, Scores
from tasks.compression.channels.graph import Graph


def batch_norm_scale(model: KerasModel, graph: Graph, probe: Probe) -> Scores:  # noqa: ARG001
    """Return the mean absolute scale of the BatchNorms that a channel passes; NaN where it passes none.

    Args:
        model: the network.
        graph: of its channels.
        probe: of no account.
    """
    total, times = np.zeros(graph.count), np.zeros(graph.count)
    for weight in graph.weights:
        axis = weight.axis("carries")
        if axis and weight.weight.name == "gamma":
            np.add.at(total, axis.channels, np.abs(weight.of(model).numpy()))
            np.add.at(times, axis.channels, 1.0)
    return np.where(times > 0, total / np.maximum(times, 1.0), np.nan)
