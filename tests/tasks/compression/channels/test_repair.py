from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.channels.criteria.probe import Probe
from tasks.compression.channels.graph import Graph
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.rebuild import rebuild
from tasks.compression.channels.repair import repair
from tasks.compression.technique import Subject
from tasks.compression.techniques.prune_channels import PruneChannels
from tasks.learning.saving import copy_model, weights_digest
from tasks.workloads.image.networks import BUILDERS
from tests.tasks.compression.cases import carry_out, context
from tests.tasks.training.material import CLASSES, SHAPE, answers, samples


def without(model: Any, layer: str, gone: list[int]) -> tuple[Any, dict[str, Any]]:
    """The network without some channels of a layer, and which outputs of each layer are left."""
    graph: Graph = read_graph(model)
    channels = next(group.channels for group in graph.groups if layer in group.layers)
    keep = graph.everything()
    keep[channels[gone]] = False
    kept = {
        weight.layer: np.flatnonzero(keep[axis.channels])
        for weight in graph.makers()
        for axis in (weight.axis("makes"),)
        if axis
    }
    return rebuild(model, graph, keep), kept


@pytest.mark.parametrize("layer", ["conv2d", "conv2d_1", "dense"])
def test_what_another_channel_says_too_is_made_up_for(article: Any, prepared: Path, layer: str) -> None:
    """Of two equal channels one goes: the layers behind take the other one for both."""
    model = copy_model(article)
    kernel, bias = model.get_layer(layer).get_weights()
    kernel[..., 5], bias[5] = kernel[..., 9], bias[9]
    model.get_layer(layer).set_weights([kernel, bias])
    pruned, kept = without(model, layer, [5])
    before = weights_digest(pruned), weights_digest(model)
    repaired = repair(model, pruned, kept, Probe(context(prepared), 512))
    assert (weights_digest(pruned), weights_digest(model)) == before
    images, _ = samples("test", prepared, 200)
    wanted = answers(model, images)
    lost, left = (np.abs(answers(network, images) - wanted).mean() for network in (pruned, repaired))
    assert left < 0.35 * lost
    assert repaired.to_json() == pruned.to_json()


def test_answers_without_training_are_far_better_with_repair(article: Any, prepared: Path) -> None:
    images, labels = samples("test", prepared)
    right = {}
    for how in ("none", "least_squares"):
        technique = PruneChannels.model_validate(
            {"technique": "prune_channels", "budget": {"metric": "channels", "max_ratio": 0.4}, "repair": how}
        )
        pruned = technique.apply(Subject(article), context(prepared)).subject.network
        right[how] = float((answers(pruned, images).argmax(axis=1) == labels).mean())
    assert right["least_squares"] > right["none"] + 0.1


def test_the_same_seed_gives_the_same_weights_and_layers_with_ties_are_fitted_too(
    residual: Any, prepared: Path
) -> None:
    technique = PruneChannels.model_validate(
        {"technique": "prune_channels", "budget": {"metric": "macs", "max_ratio": 0.5}, "rounds": 2}
    )
    once, again = (technique.apply(Subject(residual), context(prepared)).subject.network for _ in range(2))
    assert weights_digest(once) == weights_digest(again)


@pytest.mark.parametrize("name", ["mobilenet_small", pytest.param("resnet8", marks=pytest.mark.slow)])
def test_repair_helps_where_channels_went_by_gradient_in_tied_and_depthwise_layers(
    prepared: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.compression.channels.repair.SAMPLES", 256)  # ten positions of each are fitted to
    set_seed(3)
    network = BUILDERS[name](SHAPE, CLASSES, 0.0)
    images, _ = samples("test", prepared, 200)
    wanted, error = answers(network, images), {}
    for how in ("none", "least_squares"):
        technique = PruneChannels.model_validate(
            {
                "technique": "prune_channels",
                "criterion": "taylor",
                "allocation": "global",
                "budget": {"metric": "macs", "max_ratio": 0.6},
                "repair": how,
            }
        )
        pruned = technique.apply(Subject(network), context(prepared)).subject.network
        error[how] = float(np.square(answers(pruned, images) - wanted).mean() / wanted.var())
    assert error["least_squares"] < 0.7 * error["none"]


def test_an_activation_with_weights_of_its_own_keeps_them(prepared: Path) -> None:
    set_seed(1)
    layers = keras().layers
    stack = [
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, activation="relu", name="first"),
        layers.Conv2D(8, 3, strides=2, activation=layers.PReLU(shared_axes=[1, 2]), name="second"),
        layers.Flatten(),
        layers.Dense(CLASSES, name="logits"),
    ]
    model = keras().Sequential([keras().Input(SHAPE), *stack])
    model.get_layer("second").activation.alpha.assign(np.full((1, 1, 8), 0.3))
    budget = {"metric": "channels", "max_ratio": 0.7, "max": None, "timed_as": "float32"}
    _, candidate = carry_out("r", [{"technique": "prune_channels", "budget": budget}], model, prepared)
    assert "first" in candidate.steps[0].changed
