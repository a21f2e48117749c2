"""The criterion by performance: the loss on validation that is measured with the channel away."""

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasModel, KerasVariable, TfTensor, tensorflow
from tasks.compression.channels.criteria.probe import Probe, Scores
from tasks.compression.channels.graph import Graph
from tasks.learning.feeding import fed
from tasks.learning.saving import copy_model

Reader = tuple[KerasVariable, Array, int, NDArray[np.intp]]  # its values, an axis and positions on it


def greedy(model: KerasModel, graph: Graph, probe: Probe) -> Scores:
    """Return how much the validation loss rises without a channel, for each one that may go; below 0 where it falls.

    Each takes a pass over the samples. With as many rounds as channels to go this is greedy backward elimination; with
    fewer, those that matter least in a round go together.

    Args:
        model: the network.
        graph: of its channels.
        probe: gives validation samples and their targets.
    """
    tf = tensorflow()
    copy, outcome = copy_model(model), probe.context.learning()
    inputs, labels = probe.take("validation")

    def mean_loss(samples: TfTensor, truth: TfTensor) -> TfTensor:
        return tf.reduce_mean(outcome.each_loss(truth, copy(samples, training=False)))

    compiled = tf.function(mean_loss, autograph=False)
    samples, truth = tf.nest.map_structure(tf.constant, fed(inputs)), tf.constant(labels)
    scores = np.zeros(graph.count)
    whole = float(compiled(samples, truth))
    readers = _readers(copy, graph)
    for channel in np.concatenate([group.channels for group in graph.groups]).tolist():
        for variable, values, axis, rows in readers[channel]:
            without = values.copy()
            np.moveaxis(without, axis, 0)[rows] = 0
            variable.assign(without)
        scores[channel] = float(compiled(samples, truth)) - whole
        for variable, values, _, _ in readers[channel]:
            variable.assign(values)
    return scores


def _readers(model: KerasModel, graph: Graph) -> dict[int, list[Reader]]:
    """List for each channel that may go the kernels that read it, with their values, the axis and the indices on it."""
    found: dict[int, list[Reader]] = {channel: [] for group in graph.groups for channel in group.channels.tolist()}
    for weight in graph.readers():
        axis = weight.axis("reads")
        if axis is None:
            continue
        variable = weight.of(model)
        values = variable.numpy()
        for channel in set(axis.channels.tolist()) & set(found):
            found[channel].append((variable, values, axis.axis, np.flatnonzero(axis.channels == channel)))
    return found
