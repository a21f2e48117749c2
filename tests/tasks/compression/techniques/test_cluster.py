from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.clustering.repair import distinct
from tasks.compression.promises import measure
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Reason
from tasks.compression.technique import Subject
from tasks.compression.techniques.cluster import Cluster
from tasks.compression.weights import values as kernels
from tasks.compression.weights import weights
from tasks.errors import ConfigError
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.compression.cases import carry_out, context
from tests.tasks.compression.named import constants_by_layer
from tests.tasks.compression.zoo.handmade import attention, embedded, recurrent
from tests.tasks.training.material import CLASSES, SHAPE, answers, depthwise, samples, transposed
from tests.tasks.training.material import tiny as tiny_network

INT8 = {"technique": "quantize", "mode": "int8", "calibration": 100}


def cluster(model: Any, prepared: Path, **settings: Any) -> Any:
    technique = Cluster.model_validate({"technique": "cluster", "epochs": 1, **settings})
    before = weights_digest(model)
    result = technique.apply(Subject(model), context(prepared, batch_size=256))
    assert weights_digest(model) == before
    return result


def test_weights_that_have_clusters_keep_them_without_learning(tiny: Any, prepared: Path) -> None:
    values = np.array([-0.5, -0.1, 0.2, 0.9], np.float32)
    model = copy_model(tiny)
    rng = np.random.default_rng(1)
    for name, kernel in kernels(model).items():
        model.get_layer(name).set_weights([rng.choice(values, kernel.shape), *model.get_layer(name).get_weights()[1:]])
    before = kernels(model)
    result = cluster(model, prepared, clusters=4, learning_rate=1e-12)
    for name, kernel in kernels(result.subject.network).items():
        assert len(np.unique(kernel)) == 4
        assert np.allclose(kernel, before[name], atol=1e-5)


def test_a_layer_uses_no_more_values_than_asked_for_and_they_are_trained(tiny: Any, prepared: Path) -> None:
    untrained = kernels(cluster(tiny, prepared, clusters=6, learning_rate=1e-12).subject.network)
    result = cluster(tiny, prepared, clusters=6, learning_rate=0.01)
    trained = kernels(result.subject.network)
    assert set(result.changed) == set(trained)
    for name, kernel in trained.items():
        assert 2 <= len(np.unique(kernel)) <= 6
        assert not np.allclose(np.unique(kernel), np.unique(untrained[name]), atol=1e-3)


def test_layers_that_gain_nothing_or_cannot_are_named(prepared: Path) -> None:
    result = cluster(depthwise(), prepared, clusters=110, learning_rate=1e-12)
    assert result.changed == ("inner/deep", "logits")  # 144 and 120 weights
    assert {skip.layer: skip.reason for skip in result.skipped} == {
        "convolution": Reason.TOO_SMALL,  # 108
        "channelwise": Reason.UNSUPPORTED,
    }


def sparse(model: Any) -> Any:
    """A copy half of whose weights are zero, in every channel."""
    copy = copy_model(model)
    rng = np.random.default_rng(1)
    for name, kernel in kernels(copy).items():
        others = copy.get_layer(name).get_weights()[1:]
        copy.get_layer(name).set_weights([kernel * (rng.random(kernel.shape) > 0.5), *others])
    return copy


def pointwise() -> Any:
    """A network with a convolution of single pixels, which TFMOT is known to set to zero."""
    set_seed(1)
    layers = keras().layers
    stack = [
        layers.Rescaling(1 / 255),
        layers.Conv2D(12, 3, strides=2, activation="relu", name="first"),
        layers.Conv2D(16, 1, activation="relu", name="pointwise"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(CLASSES, name="logits"),
    ]
    return keras().Sequential([keras().Input(SHAPE), *stack])


WITH_ZEROS: dict[str, dict[str, Any]] = {
    "TFMOT": {"clusters": 8, "preserve_sparsity": True, "learning_rate": 0.01},
    "TFMOT, linear": {"clusters": 8, "preserve_sparsity": True, "init": "linear", "learning_rate": 0.01},
    "TFMOT, per channel": {"clusters": 3, "per_channel": True, "preserve_sparsity": True, "learning_rate": 0.01},
    "k-means": {"clusters": 8, "epochs": 0, "preserve_sparsity": True},
    "k-means, per channel": {"clusters": 3, "epochs": 0, "per_channel": True, "preserve_sparsity": True},
    "grid": {"clusters": 7, "levels": "grid", "learning_rate": 0.01},
    "grid, no training": {"clusters": 7, "levels": "grid", "epochs": 0},
}


@pytest.mark.parametrize("settings", WITH_ZEROS.values(), ids=WITH_ZEROS)
@pytest.mark.parametrize("network", [tiny_network, pointwise])
def test_zeros_stay_zeros_and_levels_are_few(settings: dict[str, Any], network: Any, prepared: Path) -> None:
    model = sparse(network())
    before = kernels(model)
    technique = Cluster.model_validate({"technique": "cluster", "epochs": 1, **settings})
    assert "zeros" in technique.keeps()
    result = cluster(model, prepared, **settings)
    assert result.changed
    for name in result.changed:
        after = kernels(result.subject.network)[name]
        assert np.all(after[before[name] == 0] == 0)
        assert np.count_nonzero(after) > 0.2 * after.size
        channels = technique.levels == "grid" or (technique.per_channel and after.ndim == 4)
        assert 2 < distinct(after, channels) <= technique.clusters
    trained = any(not np.allclose(kernels(result.subject.network)[name], before[name], atol=0.05) for name in before)
    assert trained or not technique.epochs


def test_zeros_are_not_promised_where_zero_is_no_level() -> None:
    assert Cluster.model_validate({"technique": "cluster", "clusters": 8}).keeps() == frozenset()


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_grid_leaves_no_more_values_in_the_whole_int8_layer_than_in_a_channel(
    tiny: Any, prepared: Path, epochs: int
) -> None:
    def values(**settings: Any) -> dict[str, int]:
        step = {"technique": "cluster", "clusters": 7, "epochs": epochs, **settings}
        flatbuffer, candidate = carry_out("int8", [step, INT8], tiny, prepared)
        assert all(promise.holds for promise in candidate.steps[-1].promises)
        found = constants_by_layer(flatbuffer, ["conv2d", "logits"])
        return {name: len(np.unique(constant.values)) for name, constant in found.items()}

    assert max(values(levels="grid").values()) <= 7
    assert values()["conv2d"] > 7


def test_a_grid_is_trained(tiny: Any, prepared: Path) -> None:
    images, labels = samples("test", prepared)
    cross_entropy = keras().losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss(epochs: int, **training: float) -> float:
        result = cluster(tiny, prepared, clusters=3, levels="grid", epochs=epochs, **training)
        return float(cross_entropy(labels, answers(result.subject.network, images)))

    assert loss(3, learning_rate=0.003) < 0.8 * loss(0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clusters": 2, "levels": "grid"}, "expected 3 clusters or more"),
        ({"clusters": 2, "preserve_sparsity": True}, "expected 3 clusters or more"),
        ({"clusters": 8, "levels": "grid", "per_channel": True}, "expected per_channel with free levels only"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_recipe("r", [{"technique": "cluster", **settings}])


def test_what_tfmot_breaks_is_put_right_and_said(tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sparse(tiny)

    def breaks(self: Cluster, model: Any, before: Any, context: Any) -> Any:
        broken = copy_model(model)
        weights = broken.get_layer("conv2d").get_weights()
        broken.get_layer("conv2d").set_weights([np.zeros_like(weights[0]), weights[1]])
        return broken

    monkeypatch.setattr(Cluster, "_free", breaks)
    said: list[str] = []
    technique = Cluster.model_validate({"technique": "cluster", "clusters": 8, "preserve_sparsity": True})
    after = kernels(technique.apply(Subject(model), context(prepared, say=said.append)).subject.network)
    assert said[0] == "conv2d: came out all zero in clustering, put right without training"
    assert said[1].startswith("logits: ")
    for name, kernel in kernels(model).items():
        assert distinct(after[name], per_channel=False) == 8
        assert np.array_equal(after[name] == 0, kernel == 0)


def test_a_convolution_gets_levels_of_its_own_for_each_channel(residual: Any, prepared: Path) -> None:
    result = cluster(sparse(residual), prepared, clusters=5, per_channel=True, preserve_sparsity=True)
    assert result.changed == ("conv2d_1", "logits")
    after = kernels(result.subject.network)
    assert distinct(after["conv2d_1"], per_channel=True) == 5
    assert distinct(after["conv2d_1"], per_channel=False) > 20
    assert distinct(after["logits"], per_channel=False) == 5


@pytest.mark.parametrize("epochs", [0, 1])
def test_levels_are_those_of_output_channels_wherever_a_kernel_has_them(prepared: Path, epochs: int) -> None:
    model = transposed()
    result = cluster(model, prepared, clusters=8, per_channel=True, epochs=epochs)
    assert set(result.changed) == {"down", "up", "along", "logits"}
    for name, axis in {"down": -1, "up": -2, "along": -1}.items():
        after, before = (np.moveaxis(kernels(each)[name], axis, 0) for each in (result.subject.network, model))
        assert max(len(np.unique(channel)) for channel in after) == 8
        assert len(np.unique(after)) > 8
        rest = np.mean((after - before) ** 2) / np.mean(before**2)
        assert rest < 0.05
    assert all(promise.holds for promise in measure(result.claims, result.subject))


@pytest.mark.parametrize("epochs", [0, 1])
def test_on_a_grid_an_int8_file_has_few_values_in_a_transposed_convolution(prepared: Path, epochs: int) -> None:
    step = {"technique": "cluster", "clusters": 7, "levels": "grid", "epochs": epochs}
    model = transposed()
    result = cluster(model, prepared, **{key: value for key, value in step.items() if key != "technique"})
    up = np.moveaxis(kernels(result.subject.network)["up"], -2, 0)
    assert max(len(np.unique(channel)) for channel in up) <= 7
    assert all(promise.holds for promise in measure(result.claims, result.subject))
    file, _ = carry_out("r", [step, INT8], model, prepared)
    assert len(np.unique(constants_by_layer(file, ["up"])["up"].values)) <= 7


def test_clusters_of_layers_that_tfmot_passes_over_are_held_and_trained(prepared: Path) -> None:
    model = transposed()
    few = np.array([-0.2, 0.0, 0.1, 0.3], np.float32)
    rng = np.random.default_rng(1)
    for name in ("down", "up"):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([rng.choice(few, kernel.shape), bias])
    model.get_layer("down").trainable = False
    result = cluster(model, prepared, clusters=8, epochs=2, learning_rate=0.01)
    before, after = kernels(model), kernels(result.subject.network)
    assert np.array_equal(after["down"], before["down"])
    assert len(np.unique(after["up"])) == 4
    assert np.array_equal(after["up"] == 0, before["up"] == 0)
    assert not np.allclose(after["up"], before["up"], atol=1e-3)
    assert len(np.unique(after["logits"])) <= 8


def test_a_layer_of_zeros_is_no_obstacle(prepared: Path) -> None:
    model = transposed()
    kernel, bias = model.get_layer("up").get_weights()
    model.get_layer("up").set_weights([np.zeros_like(kernel), bias])
    for settings in ({"epochs": 0}, {"epochs": 1}, {"levels": "grid", "epochs": 1}):
        result = cluster(model, prepared, **{"clusters": 7, **settings})
        assert all(promise.holds for promise in measure(result.claims, result.subject))
        assert all(np.all(np.isfinite(kernel)) for kernel in kernels(result.subject.network).values())


def test_an_activation_with_weights_of_its_own_is_no_obstacle(prepared: Path) -> None:
    layers = keras().layers
    set_seed(1)
    stack = [keras().Input(SHAPE), layers.Rescaling(1 / 255), layers.Conv2D(8, 3, activation=layers.PReLU())]
    model = keras().Sequential([*stack, layers.Flatten(), layers.Dense(CLASSES, name="logits")])
    result = cluster(model, prepared, clusters=6, learning_rate=0.01)
    found = kernels(result.subject.network)
    (bent,) = [skip.layer for skip in result.skipped]  # a slope for each channel, shared by no weights
    assert set(result.changed) == set(found) - {bent}
    assert all(2 <= len(np.unique(found[path])) <= 6 for path in result.changed)


SEQUENCES: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "LSTM": (lambda: recurrent("LSTM"), {"rnn/kernel", "rnn/recurrent_kernel"}),
    "Embedding": (embedded, {"table"}),
    "attention": (attention, {f"heads/{name}" for name in ("query", "key", "value", "attention_output")}),
}


@pytest.mark.parametrize("network", SEQUENCES)
@pytest.mark.parametrize("settings", [{"clusters": 8}, {"clusters": 7, "levels": "grid"}])
def test_other_layers_get_the_levels_that_dense_ones_get(prepared: Path, network: str, settings: Any) -> None:
    build, paths = SEQUENCES[network]
    model = build()
    result = cluster(model, prepared, epochs=0, **settings)
    before, after = kernels(model), kernels(result.subject.network)
    assert paths <= set(result.changed)
    for path in paths:
        oriented = weights(model)[path].oriented(after[path])
        rows = oriented.reshape(-1, oriented.shape[-1]).T if "levels" in settings else [after[path]]
        assert max(len(np.unique(row)) for row in rows) <= settings["clusters"]
        assert np.mean((after[path] - before[path]) ** 2) < 0.05 * np.mean(before[path] ** 2)
    assert all(promise.holds for promise in measure(result.claims, result.subject))


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("LSTM", {"clusters": 8}),
        pytest.param("attention", {"clusters": 8}, marks=pytest.mark.slow),
        pytest.param("Embedding", {"clusters": 8}, marks=pytest.mark.slow),
        pytest.param("Embedding", {"clusters": 7, "levels": "grid"}, marks=pytest.mark.slow),
        pytest.param("attention", {"clusters": 7, "levels": "grid"}, marks=pytest.mark.slow),
    ],
)
def test_levels_of_other_layers_are_trained(prepared: Path, network: str, settings: Any) -> None:
    build, paths = SEQUENCES[network]
    model = build()
    untrained = kernels(cluster(model, prepared, epochs=0, **settings).subject.network)
    result = cluster(model, prepared, epochs=1, learning_rate=0.01, **settings)
    after = kernels(result.subject.network)
    assert paths <= set(result.changed)
    for path in paths:
        assert not np.allclose(np.unique(after[path])[:2], np.unique(untrained[path])[:2], atol=1e-4)
    assert all(promise.holds for promise in measure(result.claims, result.subject))


def test_training_on_a_grid_leaves_recurrent_layers_alone_and_says_so(prepared: Path) -> None:
    result = cluster(recurrent("GRU"), prepared, clusters=7, levels="grid", epochs=1)
    assert {skip.layer for skip in result.skipped} == {"rnn/kernel", "rnn/recurrent_kernel"}
    assert all("not simulated step by step" in skip.sentence for skip in result.skipped)
