from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.lowrank.cp import Cp
from tasks.compression.lowrank.decomposition import Decomposition
from tasks.compression.lowrank.robust_pca import RobustPca
from tasks.compression.lowrank.spatial import Spatial
from tasks.compression.lowrank.svd import Svd
from tasks.compression.lowrank.tucker import Tucker
from tasks.compression.replacement import replace_layers
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.compression.lowrank import planted

SHAPE = (13, 12, 6)
CONVOLUTION: dict[str, dict[str, Any]] = {
    "valid": {},
    "same": {"padding": "same"},
    "strides": {"strides": 2},
    "strides, same": {"strides": (2, 2), "padding": "same"},
    "dilation": {"dilation_rate": 2},
    "dilation, same": {"dilation_rate": (2, 2), "padding": "same"},
    "unequal": {"kernel_size": (2, 5), "strides": (3, 1), "padding": "same"},
    "no bias": {"use_bias": False},
}
EQUAL = {name: settings for name, settings in CONVOLUTION.items() if name != "unequal"}  # strides


def convolution(**settings: Any) -> Any:
    """A network of one convolution with random weights, bias included."""
    set_seed(1)
    layers = keras().layers
    settings = {"kernel_size": 3, "activation": "relu", "name": "c", **settings}
    model = keras().Sequential([keras().Input(SHAPE), layers.Conv2D(9, **settings)])
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def replaced(model: Any, name: str, kind: type[Decomposition], ranks: tuple[int, ...] | None = None) -> Any:
    layer = model.get_layer(name)
    decomposition = kind(layer.kernel.numpy())
    return replace_layers(model, {name: decomposition.replace(layer, ranks or decomposition.full)})


def same(one: Any, other: Any, shape: tuple[int, ...] = SHAPE, near: float = 1e-6) -> bool:
    inputs = np.random.default_rng(2).normal(size=(3, *shape)).astype(np.float32)
    expected = one(inputs, training=False).numpy()
    return bool(np.abs(other(inputs, training=False).numpy() - expected).max() <= near * np.abs(expected).max())


@pytest.mark.parametrize("kind", [Svd, Spatial, RobustPca])
@pytest.mark.parametrize("settings", CONVOLUTION.values(), ids=CONVOLUTION)
def test_a_convolution_at_full_rank_gives_the_same_outputs(kind: type[Decomposition], settings: dict[str, Any]) -> None:
    model = convolution(**settings)
    assert same(model, replaced(model, "c", kind))


@pytest.mark.parametrize("settings", CONVOLUTION.values(), ids=CONVOLUTION)
@pytest.mark.parametrize("ranks", [(4, 5), (6, 5), (4, 9)])
def test_a_convolution_of_planted_ranks_gives_the_same_outputs(
    settings: dict[str, Any], ranks: tuple[int, int]
) -> None:
    model = convolution(**settings)
    layer = model.get_layer("c")
    layer.set_weights([planted.tucker(layer.kernel.shape, ranks), *layer.get_weights()[1:]])
    factors = replaced(model, "c", Tucker, ranks)
    assert same(model, factors)
    names = [f"c_{part}" for part, there in [("in", ranks[0] < 6), ("core", True), ("out", ranks[1] < 9)] if there]
    assert [layer.name for layer in factors.layers[1:]] == names
    assert [layer.use_bias for layer in factors.layers[1:-1]] == [False] * (len(names) - 1)
    assert factors.layers[-1].activation.__name__ == "relu"


@pytest.mark.parametrize("settings", EQUAL.values(), ids=EQUAL)
def test_a_convolution_of_planted_components_gives_the_same_outputs(settings: dict[str, Any]) -> None:
    model = convolution(**settings)
    layer = model.get_layer("c")
    layer.set_weights([planted.components(layer.kernel.shape, 3), *layer.get_weights()[1:]])
    factors = replaced(model, "c", Cp, (3,))
    assert same(model, factors, near=1e-3)
    assert [layer.name for layer in factors.layers[1:]] == ["c_in", "c_core", "c_out"]
    assert type(factors.get_layer("c_core")) is keras().layers.DepthwiseConv2D


def test_low_rank_plus_sparse_is_a_sum_with_the_activation_behind_it() -> None:
    factors = replaced(convolution(padding="same"), "c", RobustPca, (2,))
    assert {layer.name for layer in factors.layers[1:]} == {"c_in", "c_out", "c_sparse", "c_sum", "c_activation"}
    assert [factors.get_layer(name).use_bias for name in ("c_in", "c_out", "c_sparse")] == [False, True, False]


def test_a_dense_layer_at_full_rank_gives_the_same_outputs(article: Any) -> None:
    factors = replaced(article, "dense", Svd)
    assert same(article, factors, article.input_shape[1:])
    names = [layer.name for layer in article.layers]
    at = names.index("dense")
    names[at : at + 1] = ["dense_in", "dense_out"]
    assert [layer.name for layer in factors.layers if not isinstance(layer, keras().layers.InputLayer)] == names


def shared_and_branched() -> Any:
    """A dense layer used twice, a layer that takes keywords, two inputs to a sum, and a model within the model."""
    set_seed(1)
    layers = keras().layers
    inputs = keras().Input((8, 6))
    shared = layers.Dense(6, activation="tanh", name="shared")
    once = shared(inputs)
    twice = shared(layers.LayerNormalization()(once))
    attended = layers.Attention()([twice, once], return_attention_scores=False)
    inner = keras().Sequential([layers.Input((8, 6)), layers.Dense(6)], name="inner")
    return keras().Model(inputs, layers.Add()([inner(attended), once, twice * 2.0]), name="branched")


def test_a_graph_stays_as_it_is_around_what_is_replaced() -> None:
    model = shared_and_branched()
    before = weights_digest(model)
    factors = replaced(model, "shared", Svd)
    assert weights_digest(model) == before
    assert same(model, factors, (8, 6))
    assert len([layer for layer in factors.layers if layer.name.startswith("shared")]) == 2
    assert same(copy_model(factors), factors, (8, 6))


@pytest.mark.parametrize("network", ["article", "residual"])
def test_a_model_rebuilt_with_nothing_replaced_is_the_same(request: pytest.FixtureRequest, network: str) -> None:
    model = request.getfixturevalue(network)
    again = replace_layers(model, {})
    assert weights_digest(again) == weights_digest(model)
    assert same(model, again, model.input_shape[1:])
    assert not {id(layer) for layer in again.layers} & {id(layer) for layer in model.layers}


def test_what_belongs_to_the_layer_goes_to_the_right_factors() -> None:
    l2 = keras().regularizers.l2(0.1)
    model = convolution(kernel_regularizer=l2, bias_regularizer=l2, kernel_constraint="non_neg")
    model.get_layer("c").trainable = False
    factors = replaced(model, "c", Svd, (3,)).layers[1:]
    assert [layer.kernel_regularizer is not None for layer in factors] == [True, True]
    assert [layer.bias_regularizer is not None for layer in factors] == [True, True]
    assert [layer.kernel_constraint for layer in factors] == [None, None]
    assert [layer.trainable for layer in factors] == [False, False]
