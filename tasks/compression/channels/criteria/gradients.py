"""Criteria by gradient: what would change, to first order, if a channel were not there.

A channel is imagined to pass a gate that all its readers share. The derivative by that gate is the sum of gradient ×
weight over everything that reads the channel. Readers take inputs linearly, so that this is the first-order effect
of removing it, with its activation, its BatchNorm and all layers that it is tied to.

- ``taylor``: the expected square of the loss's change, batch by batch (Molchanov et al. 2019, Importance Estimation for
  Neural Network Pruning, arXiv:1906.10771). Needs labels.
- ``sensitivity``: the expected square of the change of the logits, summed over classes. Needs no labels. Random signs
  on the logits give it without a pass for each class (Hutchinson's estimator of a squared Jacobian's sum).
"""

from collections.abc import Callable, Iterator

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasModel, TfTensor, tensorflow
from tasks.compression.channels.criteria.probe import Probe, Scores
from tasks.compression.channels.graph import Graph
from tasks.learning.feeding import fed

BATCH = 16  # few, or what single images want would cancel out


def taylor(model: KerasModel, graph: Graph, probe: Probe) -> Scores:
    """Return the mean over batches of the squared first-order change of the mean loss.

    Args:
        model: the network.
        graph: of its channels.
        probe: gives training samples and their targets.
    """
    outcome = probe.context.learning()

    def loss(outputs: TfTensor, targets: TfTensor) -> TfTensor:
        return tensorflow().reduce_mean(outcome.each_loss(targets, outputs))

    inputs, labels = probe.take("train")
    return _mean_square(model, graph, loss, [(fed(inputs[part]), labels[part]) for part in _parts(len(inputs))])


def sensitivity(model: KerasModel, graph: Graph, probe: Probe) -> Scores:
    """Return the mean over samples of the squared first-order change of all logits.

    Args:
        model: the network.
        graph: of its channels.
        probe: gives training samples.
    """
    tf = tensorflow()
    inputs, _ = probe.take("train")
    rng = np.random.default_rng(probe.context.seed)
    signs = rng.choice(np.array([-1.0, 1.0], np.float32), (len(inputs), model.output_shape[-1]))

    def signed(logits: TfTensor, part: TfTensor) -> TfTensor:
        # divided by √n, so that its square is a mean over the samples
        return tf.reduce_sum(logits * part) / tf.sqrt(tf.cast(tf.shape(logits)[0], tf.float32))

    return _mean_square(model, graph, signed, [(fed(inputs[part]), signs[part]) for part in _parts(len(inputs))])


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + BATCH) for start in range(0, count, BATCH))


def _mean_square(
    model: KerasModel, graph: Graph, value: Callable[[TfTensor, TfTensor], TfTensor], batches: list[tuple[Array, Array]]
) -> Scores:
    """Mean over batches of the squared derivative of ``value(logits, other)`` by each channel's gate."""
    tf = tensorflow()
    axes = [(weight, axis) for weight in graph.readers() for axis in (weight.axis("reads"),) if axis]
    kernels = [weight.of(model) for weight, _ in axes]
    others = [[place for place in range(len(weight.weight.shape)) if place != axis.axis] for weight, axis in axes]

    def derivatives(samples: TfTensor, other: TfTensor) -> list[TfTensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(kernels)
            result = value(model(samples, training=False), other)
        gradients = tape.gradient(result, kernels, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [
            tf.reduce_sum(gradient * kernel, rest)
            for gradient, kernel, rest in zip(gradients, kernels, others, strict=True)
        ]

    compiled = tf.function(derivatives, autograph=False, reduce_retracing=True)
    total = np.zeros(graph.count)
    for samples, other in batches:
        gates = np.zeros(graph.count)
        for (_, axis), parts in zip(axes, compiled(samples, other), strict=True):
            np.add.at(gates, axis.channels, parts.numpy())
        total += np.square(gates)
    return total / len(batches)
