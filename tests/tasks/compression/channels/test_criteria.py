"""Planted channels: what a criterion has to find."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, tensorflow
from tasks.compression.channels.criteria import CRITERIA, Criterion
from tasks.compression.channels.criteria.probe import Probe, Scores
from tasks.compression.channels.graph import Graph
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.rebuild import masked
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.compression.cases import context
from tests.tasks.compression.channels.networks import scrambled
from tests.tasks.training.material import answers, samples

DEAD = (2, 5)
BY_GRADIENT: tuple[Criterion, ...] = ("taylor", "sensitivity")
CONVOLUTION, NORM, HIDDEN, LOGITS = "conv2d", "batch_normalization", "dense", "logits"


@pytest.fixture
def network() -> Any:
    """Convolution with BatchNorm, dense layer, classes; random weights, so that every channel matters."""
    layers = keras().layers
    model = keras().Sequential(
        [
            keras().Input((16, 16, 1), name="image"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, strides=3, name=CONVOLUTION),
            layers.BatchNormalization(name=NORM),
            layers.LeakyReLU(),
            layers.Flatten(),
            layers.Dense(10, name=HIDDEN),
            layers.LeakyReLU(),
            layers.Dense(10, name=LOGITS),
        ]
    )
    model = scrambled(model)
    for layer in (HIDDEN, LOGITS):  # smaller, or one class would be certain
        model.get_layer(layer).set_weights([weight / 20 for weight in model.get_layer(layer).get_weights()])
    return model


@pytest.fixture
def probe(prepared: Path) -> Probe:
    return Probe(context(prepared), samples=128)


def change(model: Any, layer: str, index: int, channels: Any, values: Any) -> None:
    """Set the last axis of a layer's weight at some channels."""
    weights = model.get_layer(layer).get_weights()
    weights[index][..., channels] = values
    model.get_layer(layer).set_weights(weights)


def scores_of(model: Any, layer: str, criterion: Criterion, probe: Probe) -> Scores:
    """Scores of a layer's channels."""
    graph = read_graph(model)
    before = weights_digest(model)
    scores = CRITERIA[criterion](model, graph, probe)
    assert weights_digest(model) == before
    return np.asarray(scores[group(graph, layer)])


def group(graph: Graph, layer: str) -> Any:
    return next(group.channels for group in graph.groups if layer in group.layers)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_planted_dead_channels_have_the_lowest_scores(network: Any, probe: Probe, criterion: Criterion) -> None:
    for index in (0, 1):
        change(network, CONVOLUTION, index, DEAD, 0.0)
        change(network, NORM, index, DEAD, 0.0)
        change(network, HIDDEN, index, DEAD, 0.0)
    for layer in (CONVOLUTION, HIDDEN) if criterion != "batch_norm_scale" else (CONVOLUTION,):
        found = scores_of(network, layer, criterion, probe)
        lowest = found.min()
        if criterion == "greedy":  # a live channel may do harm; a dead one changes nothing
            assert np.all(found[list(DEAD)] == 0)
            assert np.all(np.delete(found, DEAD) != 0)
        else:
            assert set(np.argsort(found)[:2]) == set(DEAD)
            assert lowest < 0.8 * np.sort(found)[2]


@pytest.mark.parametrize("criterion", ["taylor", "sensitivity", "greedy"])
def test_a_large_filter_that_nobody_reads_does_not_matter(network: Any, probe: Probe, criterion: Criterion) -> None:
    weights = network.get_layer(HIDDEN).get_weights()
    weights[0][3::8] = 0.0  # the rows of channel 3
    network.get_layer(HIDDEN).set_weights(weights)
    change(network, CONVOLUTION, 0, 3, 50.0)
    assert int(np.argmax(scores_of(network, CONVOLUTION, "l1", probe))) == 3
    found = scores_of(network, CONVOLUTION, criterion, probe)
    assert found[3] == 0
    assert np.all(np.delete(np.abs(found), 3) > 0)


def test_of_two_equal_filters_the_geometric_median_takes_one(network: Any, probe: Probe) -> None:
    kernel = network.get_layer(CONVOLUTION).get_weights()[0]
    change(network, CONVOLUTION, 0, 6, kernel[..., 1])
    found = scores_of(network, CONVOLUTION, "geometric_median", probe)
    assert int(np.argmin(found)) in {1, 6}
    assert len({1, 6} & set(np.argsort(found)[:2])) == 1
    # by size they are like any other
    assert not {1, 6} & set(np.argsort(scores_of(network, CONVOLUTION, "l2", probe))[:1])


def test_norms_are_those_of_the_filters(network: Any, probe: Probe) -> None:
    kernel = network.get_layer(CONVOLUTION).get_weights()[0].reshape(-1, 8).astype(np.float64)
    expected: dict[Criterion, Any] = {"l1": np.abs(kernel).sum(0), "l2": np.linalg.norm(kernel, axis=0)}
    for criterion, norms in expected.items():
        assert np.allclose(scores_of(network, CONVOLUTION, criterion, probe), norms / norms.mean())


def test_the_scale_is_batch_norms_and_where_there_is_none_there_is_no_score(network: Any, probe: Probe) -> None:
    gamma = network.get_layer(NORM).get_weights()[0]
    assert np.allclose(scores_of(network, CONVOLUTION, "batch_norm_scale", probe), np.abs(gamma))
    assert np.all(np.isnan(scores_of(network, HIDDEN, "batch_norm_scale", probe)))


def test_greedy_is_the_rise_of_the_measured_validation_loss(network: Any, probe: Probe, prepared: Path) -> None:
    images, labels = samples("validation", prepared, probe.samples)
    graph = read_graph(network)

    def loss(model: Any) -> float:
        logits = answers(model, images)
        return float(keras().losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits))

    found = CRITERIA["greedy"](network, graph, probe)
    for layer in (CONVOLUTION, HIDDEN):
        channel = int(group(graph, layer)[4])
        keep = graph.everything()
        keep[channel] = False
        rise = loss(masked(network, graph, keep)) - loss(network)
        assert found[channel] == pytest.approx(rise, rel=1e-3, abs=1e-4)


def test_gradient_scores_are_squared_derivatives_by_a_gate(network: Any, probe: Probe, prepared: Path) -> None:
    """Moving a channel's outgoing weights by a thousandth changes loss and logits as the scores say."""
    graph, step = read_graph(network), 1e-3
    images, labels = samples("train", prepared, 16)
    probe = Probe(probe.context, samples=16)
    base = answers(network, images).astype(np.float64)
    found = {name: CRITERIA[name](network, graph, probe) for name in BY_GRADIENT}
    squares = []
    for channel in group(graph, HIDDEN):
        moved = copy_model(network)
        kernel, bias = moved.get_layer(LOGITS).get_weights()
        index = int(np.flatnonzero(group(graph, HIDDEN) == channel)[0])
        kernel[index] *= 1 + step
        moved.get_layer(LOGITS).set_weights([kernel, bias])
        logits = answers(moved, images).astype(np.float64)
        slope = (cross_entropy(logits, labels) - cross_entropy(base, labels)) / step
        assert found["taylor"][channel] == pytest.approx(slope**2, rel=0.05, abs=1e-6)
        squares.append(np.square((logits - base) / step).sum(axis=1).mean())
    # one draw of signs for each image: right on average over the channels
    seen = found["sensitivity"][group(graph, HIDDEN)]
    live = np.array(squares) > 0
    assert np.array_equal(seen > 0, live)
    assert 0.3 < np.mean(seen[live] / np.array(squares)[live]) < 3


def cross_entropy(logits: Any, labels: Any) -> float:
    tf = tensorflow()
    return float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)))


def test_scores_follow_from_the_seed(network: Any, probe: Probe, prepared: Path) -> None:
    for criterion in BY_GRADIENT:
        first, second = (scores_of(network, HIDDEN, criterion, probe) for _ in range(2))
        assert np.array_equal(first, second)
    other = Probe(context(prepared, seed=6), samples=128)
    assert not np.array_equal(
        scores_of(network, HIDDEN, "sensitivity", probe), scores_of(network, HIDDEN, "sensitivity", other)
    )
