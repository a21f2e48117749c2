from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, tensorflow
from tasks.compression.channels.allocation import cost
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.rebuild import check_removal, masked, rebuild
from tasks.compression.location import locate
from tasks.compression.promises import measure
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Reason
from tasks.compression.technique import Subject
from tasks.compression.techniques.prune_channels import PruneChannels
from tasks.compression.weights import values as kernels
from tasks.errors import CompressionError, ConfigError, Unsuited
from tasks.learning.conversion import to_tflite
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.compression.cases import carry_out, context
from tests.tasks.compression.channels.networks import NETWORKS, functional, scrambled
from tests.tasks.compression.zoo.handmade import (
    bent,
    dead,
    forked,
    one_batch_norm,
    one_reshape,
    operations,
)
from tests.tasks.training.material import CLASSES, SHAPE, answers, samples
from tests.tasks.training.material import tiny as tiny_network

HALF = {"metric": "channels", "max_ratio": 0.5}


def prune(model: Any, prepared: Path = Path(), **settings: Any) -> Any:
    technique = PruneChannels.model_validate({"technique": "prune_channels", "repair": "none", **settings})
    before = weights_digest(model)
    result = technique.apply(Subject(model), context(prepared))
    assert weights_digest(model) == before
    return result


def widths(model: Any) -> dict[str, int]:
    return {group.name: len(group.channels) for group in read_graph(model).groups}


def macs(model: Any) -> int:
    graph = read_graph(model)
    return cost(graph, graph.everything(), "macs")


@pytest.fixture(scope="module", params=["article_cnn", "resnet8", "mobilenet_small"])
def network(request: pytest.FixtureRequest) -> Any:
    return scrambled(NETWORKS[request.param]())


def test_half_of_the_channels_are_half_of_the_channels(network: Any) -> None:
    result = prune(network, budget=HALF)
    assert widths(result.subject.network) == {name: width // 2 for name, width in widths(network).items()}
    assert set(result.changed) == set(kernels(network))
    assert result.skipped == ()


@pytest.mark.parametrize("network", ["article_cnn", pytest.param("resnet8", marks=pytest.mark.slow)], indirect=True)
def test_the_promise_of_fewer_channels_is_kept_in_both_forms_and_no_smaller_one_is(network: Any) -> None:
    result = prune(network, budget=HALF)
    model, flatbuffer = result.subject.network, to_tflite(result.subject.network)
    for subject in (result.subject, Subject(None, flatbuffer, locate(model, flatbuffer))):
        promises = measure(result.claims, subject)
        assert {promise.layer for promise in promises} == set(result.changed)
        assert all(promise.holds and promise.measured == promise.promised for promise in promises)
    assert not any(promise.holds for promise in measure(result.claims, Subject(network)) if promise.layer != "logits")


@pytest.mark.parametrize("network", ["resnet8"], indirect=True)
def test_layers_that_are_added_keep_equal_widths(network: Any) -> None:
    pruned = prune(network, budget={"metric": "macs", "max": 1_000_000}, allocation="global").subject.network
    for layer in pruned.layers:
        if layer.__class__.__name__ == "Add":
            assert len({shape[-1] for shape in layer.input_shape}) == 1
    assert pruned.count_params() < network.count_params()


@pytest.mark.parametrize("network", ["article_cnn"], indirect=True)
def test_fixed_and_excluded_layers_have_the_width_that_was_asked_for(network: Any) -> None:
    result = prune(network, layers={"conv2d": 0.25, "dense": 7})
    assert widths(result.subject.network) == {"conv2d": 8, "conv2d_1": 64, "dense": 7}
    result = prune(network, budget=HALF, exclude=["conv2d"])
    assert widths(result.subject.network)["conv2d"] == 32
    assert {skip.layer: skip.reason for skip in result.skipped} == {"conv2d": Reason.EXCLUDED}


@pytest.mark.parametrize("network", ["article_cnn"], indirect=True)
def test_rounds_come_to_the_same_budget(network: Any) -> None:
    budget = {"metric": "macs", "max_ratio": 0.3}
    own = macs(network)
    for rounds in (1, 3):
        pruned = prune(network, budget=budget, rounds=rounds).subject.network
        assert 0.28 * own < macs(pruned) <= 0.3 * own
        shares = [
            after / before for after, before in zip(widths(pruned).values(), widths(network).values(), strict=True)
        ]
        assert max(shares) - min(shares) < 0.15


def twins_and_a_third() -> Any:
    """Three channels that are always 1.

    Without one of the first two nothing changes, without both most answers are wrong; without the third they are a
    little worse.
    """
    layers = keras().layers
    model = keras().Sequential(
        [
            keras().Input(SHAPE),
            layers.Conv2D(3, 1, activation="relu", name="ones"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="relu", name="missed"),
            layers.Dense(CLASSES, name="logits"),
        ]
    )
    wrong = np.zeros((2, CLASSES), np.float32)
    wrong[:, 0] = [9.0, 0.5]
    ones = [np.zeros((1, 1, SHAPE[-1], 3)), np.ones(3)]
    model.set_weights([*ones, np.array([[-1, 0], [-1, 0], [0, -1]]), np.ones(2), wrong, np.zeros(CLASSES)])
    return model


@pytest.mark.parametrize(("rounds", "one_of_the_twins_stays"), [(4, True), (1, False)])
def test_channels_that_stand_in_for_each_other_are_known_by_rounds(
    prepared: Path, rounds: int, one_of_the_twins_stays: bool
) -> None:
    budget = {"metric": "channels", "max": 3}
    settings = {"criterion": "greedy", "budget": budget, "exclude": ["missed"], "minimum": 1, "rounds": rounds}
    left = prune(twins_and_a_third(), prepared, **settings).subject.network
    assert left.get_layer("missed").get_weights()[0].tolist() == [[-1, 0] if one_of_the_twins_stays else [0, -1]]


def test_what_stays_is_named_with_its_reason() -> None:
    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(4, 3, name="narrow")(layers.DepthwiseConv2D(3, name="each")(signal))
        signal = layers.LayerNormalization(name="normal")(layers.Conv2D(9, 3, name="before")(signal))
        return layers.Flatten()(layers.Conv2D(9, 3, name="after")(signal))

    result = prune(functional(build)(), budget={"metric": "channels", "max_ratio": 0.7}, minimum=4)
    assert set(result.changed) == {"after", "logits"}
    assert {skip.layer: (skip.reason, skip.detail) for skip in result.skipped} == {
        "each": (Reason.TIED, "the model's input"),
        "narrow": (Reason.TOO_SMALL, "it has the least number of channels"),
        "before": (Reason.TIED, "normal: LayerNormalization"),
    }


def test_what_the_criterion_cannot_judge_stays() -> None:
    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(8, 3, activation="relu", name="plain")(signal)
        return layers.Flatten()(layers.BatchNormalization()(layers.Conv2D(8, 3, name="judged")(signal)))

    result = prune(functional(build)(), budget={"metric": "channels", "max": 12}, criterion="batch_norm_scale")
    assert widths(result.subject.network) == {"plain": 8, "judged": 4}
    assert {skip.layer: skip.reason for skip in result.skipped} == {"plain": Reason.UNSUPPORTED}


def rescaled(model: Any) -> Any:
    """The same answers from filters of other sizes: what reads them makes up for it."""
    copy, factors = copy_model(model), 2.0 ** np.random.default_rng(1).integers(-4, 5, 32)
    first, second = copy.get_layer("conv2d"), copy.get_layer("conv2d_1")
    first.set_weights([weight * factors for weight in first.get_weights()])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / factors[:, None], bias])
    return copy


@pytest.mark.parametrize(
    ("criterion", "blind"), [("taylor", True), ("sensitivity", True), ("greedy", True), ("l1", False), ("l2", False)]
)
def test_what_looks_at_answers_is_blind_to_the_size_of_filters(
    article: Any, prepared: Path, criterion: str, blind: bool
) -> None:
    settings = {"criterion": criterion, "budget": HALF, "samples": 64}
    images, _ = samples("test", prepared, 100)
    one, other = (
        answers(prune(model, prepared, **settings).subject.network, images) for model in (article, rescaled(article))
    )
    assert np.allclose(one, other, atol=1e-3) == blind


@pytest.mark.parametrize("network", ["article_cnn"], indirect=True)
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"budget": {"metric": "parameters", "max": 100}}, r"it takes [\d,]+ parameters\. Received: 100\. Raise"),
        ({"budget": HALF, "criterion": "batch_norm_scale"}, "a criterion that can judge all layers"),
        ({"layers": {"conv": 0.5}}, "may go: conv2d, conv2d_1, dense. Received: 'conv'"),
        ({"layers": {"logits": 0.5}}, "Received: 'logits', which has to stay with the model's output"),
        ({"budget": HALF, "exclude": ["convolution"]}, "Received: 'convolution'"),
    ],
)
def test_what_cannot_be_is_refused(network: Any, settings: Any, words: str) -> None:
    with pytest.raises(CompressionError, match=words):
        prune(network, **settings)


@pytest.mark.parametrize("network", ["resnet8"], indirect=True)
def test_tied_layers_cannot_have_two_widths(network: Any) -> None:
    with pytest.raises(CompressionError, match=r"one width for conv2d\+conv2d_2.*Received: 4, 8"):
        prune(network, layers={"conv2d": 4, "conv2d_2": 8})


@pytest.mark.parametrize("network", ["concatenated"], indirect=True)
def test_a_layer_of_several_groups_is_given_a_fraction(network: Any) -> None:
    with pytest.raises(CompressionError, match="a fraction for third, whose channels belong to 2 groups"):
        prune(network, layers={"third": 8})
    halved = kernels(prune(network, layers={"third": 0.5}).subject.network)
    assert [halved[name].shape[-1] for name in ("left", "right", "third")] == [3, 5, 8]


@pytest.mark.parametrize("network", ["transposed"], indirect=True)
def test_the_channels_of_a_transposed_convolution_are_promised_and_counted(network: Any) -> None:
    result = prune(network, layers={"up": 0.6})
    (promise,) = (found for found in measure(result.claims, result.subject) if found.layer == "up")
    assert (promise.measured, promise.holds) == (3, True)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({}, "recipes.r.0: expected a budget, or layers"),
        ({"budget": {"metric": "macs"}}, "recipes.r.0.budget: expected either max"),
        ({"budget": {"metric": "macs", "max": 5, "max_ratio": 0.5}}, "recipes.r.0.budget: expected either max"),
        ({"layers": {"a": 1.0}}, "input should be less than 1. Received: 1.0"),
    ],
)
def test_a_config_without_a_goal_is_refused(step: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_recipe("r", [{"technique": "prune_channels", **step}])
    assert words in str(caught.value)


def test_no_later_step_undoes_it_and_it_keeps_no_promise_of_zeros() -> None:
    channels: dict[str, Any] = {"technique": "prune_channels", "budget": HALF}
    zeros = {"technique": "prune", "sparsity": 0.5}
    others: list[dict[str, Any]] = [
        {"technique": "fine_tune", "epochs": 1},
        channels,
        zeros,
        {"technique": "quantize", "mode": "int8"},
    ]
    assert len(parse_recipe("r", [channels, *others])) == 5
    with pytest.raises(ConfigError, match=r"keeps the zeros that prune makes\. Received: prune_channels"):
        parse_recipe("r", [zeros, channels])


def test_clusters_stay_unless_layers_are_repaired() -> None:
    clusters: dict[str, Any] = {"technique": "cluster", "clusters": 8}
    plain: dict[str, Any] = {"technique": "prune_channels", "budget": HALF, "repair": "none"}
    assert len(parse_recipe("r", [clusters, plain])) == 3
    with pytest.raises(ConfigError, match="keeps the few distinct values that cluster makes"):
        parse_recipe("r", [clusters, {**plain, "repair": "least_squares"}])


def test_equal_weights_are_chosen_from_alike(prepared: Path) -> None:
    model = scrambled(NETWORKS["article_cnn"]())
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    once, again = (prune(model, prepared, budget=HALF).subject.network for _ in range(2))
    assert weights_digest(once) == weights_digest(again)


@pytest.mark.parametrize(
    "criterion",
    ["l1", "taylor", *(pytest.param(each, marks=pytest.mark.slow) for each in ("sensitivity", "greedy"))],
)
def test_layers_behind_dead_ones_are_no_obstacle_to_repair(prepared: Path, criterion: str) -> None:
    settings = {"criterion": criterion, "repair": "least_squares", "minimum": 1, "samples": 32}
    result = prune(dead(), prepared, budget=HALF, **settings)
    assert set(result.changed) == {"alive", "dead", "behind", "zeros", "logits"}
    assert all(np.all(np.isfinite(weight)) for weight in result.subject.network.get_weights())


@pytest.mark.parametrize("repair", ["none", "least_squares"])
def test_a_network_whose_answers_are_no_numbers_is_refused(prepared: Path, repair: str) -> None:
    model = operations()
    kernel, bias = model.get_layer("first").get_weights()
    model.get_layer("first").set_weights([kernel, bias + np.inf])
    with pytest.raises(Unsuited, match=r"finite answers .* Received: some that are not"):
        prune(model, prepared, budget=HALF, repair=repair)


def test_channels_behind_an_activation_that_looks_at_all_of_them_or_has_weights_stay(prepared: Path) -> None:
    """A layer may be the activation of another one."""
    graph = read_graph(bent())
    assert graph.groups == ()
    assert graph.fixed == {"bent": "bent: PReLU", "shares": "shares: Softmax", "logits": "the model's output"}
    steps = [{"technique": "prune_channels", "budget": HALF}]
    with pytest.raises(Unsuited, match=r"none that it could change: bent: tied .* \(bent: PReLU\); shares: .*Softmax"):
        carry_out("r", steps, bent(), prepared)


def test_an_activation_of_ones_own_may_look_at_all_channels() -> None:
    def relu(values: Any) -> Any:
        return values - tensorflow().reduce_mean(values, axis=-1, keepdims=True)

    def build(layers: Any, signal: Any) -> Any:
        signal = layers.Conv2D(6, 3, activation=relu, name="own")(signal)
        signal = layers.Conv2D(6, 3, activation=tensorflow().nn.relu6, name="plain")(signal)
        return layers.Flatten()(layers.Conv2D(6, 3, activation=layers.ReLU(6.0), name="layer")(signal))

    graph = read_graph(functional(build)())
    assert {group.name for group in graph.groups} == {"plain", "layer"}
    assert graph.fixed["own"] == "own: relu"


def test_a_network_that_meets_the_budget_as_it_is_says_so(prepared: Path) -> None:
    steps = [{"technique": "prune_channels", "budget": {"metric": "parameters", "max": 10**9}}]
    _, candidate = carry_out("r", steps, tiny_network(), prepared)
    step = candidate.steps[0]
    assert step.changed == ()
    assert {skip.layer: (skip.reason, skip.detail) for skip in step.skipped} == {
        "conv2d": (Reason.UNCHANGED, "the network meets the budget as it is"),
        "logits": (Reason.TIED, "the model's output"),
    }


@pytest.mark.parametrize(
    "build",
    [operations, *(pytest.param(each, marks=pytest.mark.slow) for each in (one_reshape, forked, one_batch_norm))],
)
def test_what_is_left_answers_as_the_whole_with_zeros_or_is_refused(prepared: Path, build: Any) -> None:
    model = scrambled(build())
    graph = read_graph(model)
    fixed = {group.layers[0]: 0.5 for group in graph.groups}
    after = prune(model, prepared, layers=fixed).subject.network
    left = {group.name: len(group.channels) for group in read_graph(after).groups}
    assert left == {group.name: -(-len(group.channels) // 2) for group in graph.groups}


def test_a_smaller_network_that_answers_otherwise_is_refused_with_its_first_layer() -> None:
    model = scrambled(NETWORKS["sequential"]())
    graph = read_graph(model)
    keep = graph.everything()
    keep[graph.groups[0].channels[:2]] = False
    smaller = rebuild(model, graph, keep)
    check_removal(masked(model, graph, keep), smaller)
    smaller.get_layer("hidden").set_weights([weight * 1.1 for weight in smaller.get_layer("hidden").get_weights()])
    with pytest.raises(Unsuited, match=r"answers that differ by .* from layer hidden on\. Name it in exclude"):
        check_removal(masked(model, graph, keep), smaller)
