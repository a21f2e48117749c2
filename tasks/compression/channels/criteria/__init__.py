"""Criteria of how much a channel matters: one file for what a criterion looks at, and the table of all."""

from collections.abc import Callable, Mapping
from typing import Literal

from tasks.backend import KerasModel
from tasks.compression.channels.criteria.gradients import sensitivity, taylor
from tasks.compression.channels.criteria.norms import geometric_median, l1, l2
from tasks.compression.channels.criteria.performance import greedy
from tasks.compression.channels.criteria.probe import Probe, Scores
from tasks.compression.channels.criteria.structure import batch_norm_scale
from tasks.compression.channels.graph import Graph

Criterion = Literal["l1", "l2", "geometric_median", "batch_norm_scale", "taylor", "sensitivity", "greedy"]

# each gives a score of each channel of the graph, the lowest of which go first; NaN: it cannot judge this one
CRITERIA: Mapping[Criterion, Callable[[KerasModel, Graph, Probe], Scores]] = {
    "l1": l1,
    "l2": l2,
    "geometric_median": geometric_median,
    "batch_norm_scale": batch_norm_scale,
    "taylor": taylor,
    "sensitivity": sensitivity,
    "greedy": greedy,
}
