"""Roles of axes, by what the layers compute with zeros in their weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.weights import Weight, weights
from tasks.learning.saving import copy_model
from tests.tasks.compression.awkward import both
from tests.tasks.compression.zoo.handmade import attention, recurrent, subclassed, unusual

IMAGE, ROWS = (6, 6, 4), (5, 4)

# a layer without a bias, what it takes, and the path of a weight that makes its outputs
MAKERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "Dense": (lambda layers: layers.Dense(3, use_bias=False), (4,)),
    "Conv1D": (lambda layers: layers.Conv1D(3, 2, use_bias=False), ROWS),
    "Conv2D": (lambda layers: layers.Conv2D(3, 2, use_bias=False), IMAGE),
    "Conv3D": (lambda layers: layers.Conv3D(3, 2, use_bias=False), (3, 3, 3, 4)),
    "Conv1DTranspose": (lambda layers: layers.Conv1DTranspose(3, 2, use_bias=False), ROWS),
    "Conv2DTranspose": (lambda layers: layers.Conv2DTranspose(3, 2, use_bias=False), IMAGE),
    "DepthwiseConv2D": (lambda layers: layers.DepthwiseConv2D(2, depth_multiplier=2, use_bias=False), IMAGE),
    "EinsumDense": (lambda layers: layers.EinsumDense("abc,cd->abd", output_shape=(None, 3)), ROWS),
    "EinsumDense of heads": (lambda layers: layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3)), ROWS),
    "EinsumDense over heads": (lambda layers: layers.EinsumDense("abcd,cde->abe", output_shape=(None, 3)), (5, 2, 4)),
    "SimpleRNN": (lambda layers: layers.SimpleRNN(3, use_bias=False), ROWS),
}


def network(kind: str) -> Any:
    set_seed(1)
    build, shape = MAKERS[kind]
    return keras().Sequential([keras().Input(shape), build(keras().layers)])


def one(model: Any, name: str = "kernel") -> Weight:
    found = [weight for weight in weights(model).values() if weight.name in (name, f"depthwise_{name}")]
    return found[0]


@pytest.mark.parametrize("kind", MAKERS)
def test_without_the_weights_of_an_output_that_output_alone_is_zero(kind: str) -> None:
    model, chance = network(kind), np.random.default_rng(1)
    weight, inputs = one(model), chance.normal(size=(2, *MAKERS[kind][1])).astype(np.float32)
    before = np.asarray(model(inputs))
    oriented = weight.oriented(weight.values()).copy()
    count = oriented.shape[-1]
    oriented[..., 1] = 0
    weight.assign(weight.restored(oriented))
    after, before = (values.reshape(-1, count) for values in (np.asarray(model(inputs)), before))
    if kind == "SimpleRNN":  # the others take it up in the next step
        assert np.all(after[:, 1] != before[:, 1])
        return
    assert np.all(after[:, 1] == 0)
    others = np.arange(count) != 1
    assert np.array_equal(after[:, others], before[:, others])
    assert np.all(before != 0)


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if "Depthwise" not in kind])
def test_without_the_weights_of_an_input_that_input_changes_nothing(kind: str) -> None:
    model, chance = network(kind), np.random.default_rng(1)
    weight, inputs = one(model), chance.normal(size=(2, *MAKERS[kind][1])).astype(np.float32)
    oriented = weight.oriented(weight.values()).copy()
    oriented[..., 1, :] = 0
    weight.assign(weight.restored(oriented))
    read = [number for number, axis in enumerate(weight.axes) if axis.role == "reads"]
    other = inputs.copy()
    other.reshape(2, -1, np.prod([weight.shape[axis] for axis in read]))[..., 1] += 5.0
    assert np.array_equal(model(other), model(inputs))
    other.reshape(2, -1, np.prod([weight.shape[axis] for axis in read]))[..., 0] += 5.0
    assert not np.allclose(model(other), model(inputs))


def test_a_constant_has_its_outputs_first_and_a_depthwise_one_last() -> None:
    up, depthwise = one(network("Conv2DTranspose")), one(network("DepthwiseConv2D"))
    assert np.array_equal(up.constant().values, np.moveaxis(up.values(), 2, 0))
    assert np.array_equal(depthwise.constant().values, depthwise.values().reshape(1, 2, 2, 8))
    assert (up.constant().outputs, depthwise.constant().outputs) == (0, 3)


def test_rows_of_a_table_and_gates_are_told_apart() -> None:
    model = keras().Sequential([keras().Input((5,)), keras().layers.Embedding(7, 4, name="table")])
    (table,) = weights(model).values()
    assert [axis.role for axis in table.axes] == ["rows", "makes"]
    for kind, gates in {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}.items():
        found = weights(recurrent(kind))
        assert {"rnn/kernel", "rnn/recurrent_kernel"} <= set(found)
        for name in ("rnn/kernel", "rnn/recurrent_kernel"):
            assert [(axis.role, axis.parts) for axis in found[name].axes] == [("reads", 1), ("makes", gates)]
            assert found[name].recurrent


def test_heads_of_attention_are_outputs_of_one_layer_and_inputs_of_the_next() -> None:
    found = weights(attention())
    assert [axis.role for axis in found["heads/query"].axes] == ["reads", "makes", "makes"]
    assert [axis.role for axis in found["heads/attention_output"].axes] == ["reads", "reads", "makes"]
    values = found["heads/attention_output"].values()
    assert np.array_equal(found["heads/attention_output"].constant().values, values.reshape(16, 16).T)


def test_of_layers_of_ones_own_and_of_unknown_ones_nothing_is_taken_for_granted() -> None:
    found = weights(subclassed())
    assert {path: bool(weight.unclear) for path, weight in found.items()} == {
        "standardized": True,
        "plain": False,
        "logits": False,
    }
    assert "a kind of layer of your own" in found["standardized"].unclear
    assert "not known of LocallyConnected2D" in weights(unusual())["local"].unclear


def kept_names() -> Any:
    """Inner layers of one's own in a dictionary, a list, a model, a wrapper and another layer, some with names."""
    layers: Any = keras().layers

    @keras().saving.register_keras_serializable("weights")
    class Held(layers.Layer):  # type: ignore[misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.parts = {"wide": layers.Dense(4), "named": layers.Dense(4, name="dense_of_mine")}
            self.chain = keras().Sequential([layers.Dense(4), layers.ReLU(), layers.Dense(4)])
            self.both = layers.Bidirectional(layers.LSTM(2, return_sequences=True))

        def build(self, shape: Any) -> None:
            self.late = [layers.Dense(4), both()(4)]
            super().build(shape)

        def call(self, values: Any) -> Any:
            for layer in (*self.parts.values(), self.chain, self.late[0]):
                values = layer(values)
            return self.late[1](self.both(values)[..., None])

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "name": self.name}

    return keras().Sequential([keras().Input(ROWS), Held(name="held"), layers.Dense(2)])


def test_layers_within_a_layer_of_ones_own_have_the_same_paths_in_every_copy() -> None:
    model = kept_names()
    paths = {
        *("parts_wide", "dense_of_mine", "chain/layers_0", "chain/layers_2", "late_0"),
        *(f"both/{way}_layer/{kernel}" for way in ("forward", "backward") for kernel in ("kernel", "recurrent_kernel")),
        *(f"late_1/{name}" for name in ("first", "others_0", "last")),
    }
    found = weights(model)
    assert {path.removeprefix("held/") for path in found if path.startswith("held/")} == paths
    for copy in (copy_model(model), copy_model(copy_model(model))):
        again = weights(copy)
        assert list(again) == list(found)
        assert all(np.array_equal(again[path].values(), found[path].values()) for path in found)
