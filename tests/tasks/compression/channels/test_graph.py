from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.channels.allocation import cost
from tasks.compression.channels.graph import Graph, Keep
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.rebuild import masked, rebuild
from tasks.learning.saving import copy_model
from tests.tasks.compression.channels.networks import NETWORKS, SHAPE, functional, images, scrambled

GROUPS = {
    "article_cnn": {"conv2d": 32, "conv2d_1": 64, "dense": 64},
    "resnet8": {
        "conv2d+conv2d_2": 16,
        "conv2d_1": 16,
        "conv2d_3": 32,
        "conv2d_4+conv2d_5": 32,
        "conv2d_6": 64,
        "conv2d_7+conv2d_8": 64,
    },
    "mobilenet_small": {
        "stem": 16,
        "pointwise_1": 32,
        "pointwise_2": 32,
        "pointwise_3": 64,
        "pointwise_4": 64,
        "pointwise_5": 128,
        "pointwise_6": 128,
    },
    "sequential": {"convolution": 8, "hidden": 9},
    "concatenated": {"left+third": 6, "right+third": 10},
    "separable": {"first": 8, "second": 12},
    "squeezed": {"convolution+excite": 8, "squeeze": 4},
    "shared": {"before+shared": 6},
    "transposed": {"down": 6, "up": 5, "everywhere": 7, "along": 8},
    "operations": {"first+second": 8, "third": 6},
    "reshaped": {"convolution_1+excite_1+convolution_2+excite_2": 6},
}


@pytest.fixture(scope="module")
def network(request: pytest.FixtureRequest) -> Any:
    return scrambled(NETWORKS[request.param]())


def some(graph: Graph, seed: int = 3) -> Keep:
    """At least one channel of each group stays, and at least one goes."""
    keep, rng = graph.everything(), np.random.default_rng(seed)
    for group in graph.groups:
        gone = rng.permutation(group.channels)[: rng.integers(1, len(group.channels))]
        keep[gone] = False
    return keep


@pytest.mark.parametrize(("network", "groups"), GROUPS.items(), indirect=["network"])
def test_channels_that_go_together_are_one_group(network: Any, groups: dict[str, int]) -> None:
    graph = read_graph(network)
    assert {group.name: len(group.channels) for group in graph.groups} == groups
    assert graph.fixed == {"logits": "the model's output"}
    assert graph.unsupported == {}


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_with_nothing_removed_the_rebuilt_network_is_the_same(network: Any) -> None:
    graph = read_graph(network)
    same = rebuild(network, graph, graph.everything())
    before, after = network(images()), same(images())
    assert np.max(np.abs(before - after)) <= 1e-6 * np.max(np.abs(before))
    assert same.to_json() == network.to_json()


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_the_rebuilt_network_is_the_one_whose_channels_are_masked(network: Any) -> None:
    graph = read_graph(network)
    keep = some(graph)
    weights = network.get_weights()
    smaller, blank = rebuild(network, graph, keep), masked(network, graph, keep)
    expected, seen, full = blank(images()), smaller(images()), network(images())
    assert np.max(np.abs(seen - expected)) <= 1e-5 * np.max(np.abs(expected))
    assert np.max(np.abs(seen - full)) > 1e-3 * np.max(np.abs(full))
    assert smaller.count_params() < network.count_params()
    assert all(np.array_equal(one, other) for one, other in zip(weights, network.get_weights(), strict=True))


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_the_price_of_what_stays_is_that_of_the_rebuilt_network(network: Any) -> None:
    graph = read_graph(network)
    keep = some(graph)
    smaller = rebuild(network, graph, keep)
    again = read_graph(smaller)
    assert cost(graph, keep, "parameters") == smaller.count_params()
    assert cost(graph, graph.everything(), "parameters") == network.count_params()
    for metric in ("channels", "macs", "parameters"):
        assert cost(graph, keep, metric) == cost(again, again.everything(), metric)


def _normalized(layers: Any, signal: Any) -> Any:
    signal = layers.Conv2D(6, 3, activation="relu", name="free")(signal)
    signal = layers.Conv2D(8, 3, name="before")(signal)
    signal = layers.LayerNormalization(name="normal")(signal)
    return layers.Flatten()(layers.Conv2D(8, 3, activation="relu", name="after")(signal))


def _mixed(layers: Any, signal: Any) -> Any:
    signal = layers.Conv2D(6, 3, activation="softmax", name="free")(signal)
    return layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1, name="after")(signal))


def _grouped(layers: Any, signal: Any) -> Any:
    signal = layers.Conv2D(6, 3, name="before")(signal)
    signal = layers.Conv2D(6, 3, groups=3, name="grouped")(signal)
    signal = layers.Conv2D(5, 3, name="after")(signal)
    return layers.Flatten()(layers.Conv2D(6, 3, name="doubled")(signal) * np.arange(6.0, dtype=np.float32))


def _added_to_the_image(layers: Any, signal: Any) -> Any:
    other = layers.Conv2D(3, 3, padding="same", name="before")(signal)
    return layers.Flatten()(layers.Conv2D(5, 1, name="after")(layers.Add()([signal, other])))


def _nested(layers: Any, signal: Any) -> Any:
    inner = keras().Sequential([layers.Input((10, 10, 6)), layers.Conv2D(7, 3)], name="inner")
    signal = inner(layers.Conv2D(6, 3, name="before")(signal))
    return layers.Flatten()(layers.Conv2D(5, 1, name="after")(signal))


def _spread(layers: Any, signal: Any) -> Any:
    gate = layers.Conv2D(1, 1, activation="sigmoid", name="before")(signal)
    return layers.Flatten()(layers.Multiply()([layers.Conv2D(5, 1, name="after")(signal), gate]))


def _cut_apart(layers: Any, signal: Any) -> Any:
    """Each place of the reshaped signal has other channels than the one before it."""
    signal = layers.Reshape((288, 3))(layers.Conv2D(6, 1, name="before")(signal))
    return layers.Flatten()(layers.Conv1D(5, 1, name="after")(signal))


@pytest.mark.parametrize(
    ("build", "free", "fixed", "unsupported"),
    [
        (_normalized, {"free", "after"}, {"before": "normal: LayerNormalization"}, {"normal": "LayerNormalization"}),
        (_nested, {"after"}, {"before": "inner: Sequential"}, {"inner": "Sequential"}),
        (_added_to_the_image, {"after"}, {"before": "the model's input"}, {}),
        (_spread, {"after"}, {"before": "multiply: spread over all channels"}, {}),
        (_cut_apart, {"after"}, {"before": "reshape: Reshape"}, {}),
    ],
)
def test_what_a_layer_of_another_kind_touches_stays(
    build: Any, free: set[str], fixed: dict[str, str], unsupported: dict[str, str]
) -> None:
    set_seed(1)
    model = scrambled(functional(build)())
    graph = read_graph(model)
    assert {layer for group in graph.groups for layer in group.layers} == free
    assert graph.fixed == fixed | {"logits": "the model's output"}
    assert graph.unsupported == unsupported
    keep = some(graph)
    expected = masked(model, graph, keep)(images())
    assert np.max(np.abs(rebuild(model, graph, keep)(images()) - expected)) <= 1e-5 * np.max(np.abs(expected))


def test_a_softmax_in_the_middle_and_a_grouped_convolution_hold_what_they_mix() -> None:
    mixed = read_graph(functional(_mixed)())
    assert mixed.fixed["free"].startswith("free: ")
    assert {group.name for group in mixed.groups} == {"after"}
    grouped = read_graph(functional(_grouped)())
    assert {name: why.split(":")[0] for name, why in grouped.fixed.items()} == {
        "before": "grouped",
        "doubled": "tf.math.multiply",
        "logits": "the model's output",
    }
    assert {group.name for group in grouped.groups} == {"after"}


def test_channels_first_is_left_alone() -> None:
    layers = keras().layers
    inputs = keras().Input(SHAPE)
    signal = layers.Conv2D(12, 1, data_format="channels_first", name="other")(inputs)
    model = keras().Model(inputs, layers.Dense(4, name="logits")(layers.Flatten()(signal)))
    assert read_graph(model).groups == ()


def test_an_operation_with_a_number_for_each_channel_holds_them_in_a_copy_too() -> None:
    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(6, 3, name="fixed")(signal) * np.linspace(0.5, 1.5, 6).astype(np.float32)
        return layers.Conv2D(6, 3, name="free")(signal) * 0.5

    model = functional(build)()
    for network in (model, copy_model(model)):
        assert {layer for group in read_graph(network).groups for layer in group.layers} == {"free"}
