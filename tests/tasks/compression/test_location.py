from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, tensorflow
from tasks.compression.flatbuffer import File, read_constants
from tasks.compression.layer_states import measure_layers
from tasks.compression.location import locate
from tasks.compression.promises import GONE, HIDDEN, measure
from tasks.compression.quantization.modes import configurations
from tasks.compression.technique import Claim, Subject
from tasks.compression.weights import weights
from tasks.learning.conversion import convert, fold_scaling, to_tflite
from tasks.learning.saving import copy_model
from tasks.samples import Inputs
from tests.tasks.compression.awkward import PATHS, filled, names, normalized, recurrent, sequence, shared, unnamed
from tests.tasks.compression.cases import Steps, carry_out
from tests.tasks.training.material import CLASSES, SHAPE

NETWORKS = (names, shared, sequence, normalized, unnamed)


def samples() -> Any:
    return iter(Inputs({"image": np.random.default_rng(1).uniform(0, 255, (4, *SHAPE)).astype("float32")}))


@pytest.mark.parametrize("network", [*NETWORKS, pytest.param(recurrent, marks=pytest.mark.slow)])
def test_each_weight_is_found_in_a_float_file_up_to_a_factor_for_each_output(network: Callable[[], Any]) -> None:
    model = filled(network)
    flatbuffer = to_tflite(model)
    places = locate(model, flatbuffer)
    assert set(places) == set(weights(model)) == PATHS[network]
    states = measure_layers(Subject(model), Subject(None, flatbuffer, places))
    assert {state.layer for state in states} == PATHS[network]
    assert max(state.distortion or 0.0 for state in states) < 1e-10
    sizes = {path: weight.values().size for path, weight in weights(model).items()}
    assert {state.layer: int(np.prod(state.shape)) for state in states} == sizes


@pytest.mark.parametrize("network", [names, shared])
def test_each_weight_is_found_in_an_int8_file(network: Callable[[], Any]) -> None:
    model = filled(network)
    flatbuffer = convert(fold_scaling(model), configurations(samples)["int8"], float_input=True)
    subject = Subject(None, flatbuffer, locate(model, flatbuffer))
    states = measure_layers(Subject(model), subject)
    assert {(state.layer, state.dtype) for state in states} == {(path, "int8") for path in PATHS[network]}
    assert max(state.distortion or 0.0 for state in states) < 1e-3


def test_layers_without_names_within_a_layer_are_found_after_each_step(prepared: Path) -> None:
    model = filled(unnamed)
    steps: Steps = [{"technique": "prune", "sparsity": 0.5, "ramp": "constant", "epochs": 1}, {"technique": "convert"}]
    for again in (model, copy_model(model)):
        _, candidate = carry_out("r", steps, again, prepared)
        for step in candidate.steps:
            assert all(promise.holds for promise in step.promises)
            assert {layer.layer for layer in step.layers} == PATHS[unnamed]


def twins() -> Any:
    """Two dense layers with the same weights, one of zeros alone, and one whose rows are single numbers."""
    tf_keras, layers = keras(), keras().layers
    stack = [layers.Dense(6, name=name, activation="relu") for name in ("one", "zeros", "other")]
    model = tf_keras.Sequential(
        [tf_keras.Input((2, 3, 1)), layers.Flatten(), *stack, layers.Reshape((6, 1)), layers.Dense(4, name="single")]
    )
    model.get_layer("zeros").kernel.assign(np.zeros((6, 6)))
    model.get_layer("other").kernel.assign(model.get_layer("one").kernel)
    return model


def test_where_contents_are_equal_the_order_of_operators_decides() -> None:
    model = twins()
    flatbuffer = convert(model)
    places, file = locate(model, flatbuffer), File(flatbuffer)
    read = {use.tensor: use.operator for use in reversed(file.uses())}
    assert places["one"] == places["other"]  # the converter stores equal constants once
    assert {path: len(parts) for path, parts in places.items()} == dict.fromkeys(weights(model), 1)
    (zeros,), (single,) = places["zeros"], places["single"]
    assert not file.constant(0, zeros.tensor).values.any()
    assert read[zeros.tensor] < read[single.tensor]
    assert file.constant(0, single.tensor).values.size == 4


def summed() -> Any:
    """A dense layer that multiplies with the sums of its weights, which no factor gives."""
    tf, layers = tensorflow(), keras().layers

    class Summed(layers.Dense):  # type: ignore[misc, name-defined]
        def call(self, inputs: Any) -> Any:
            return tf.matmul(inputs, tf.cumsum(self.kernel, axis=0)) + self.bias

    return keras().Sequential(
        [keras().Input((4, 4, 1)), layers.Flatten(), Summed(20, name="hidden"), layers.Dense(CLASSES, name="logits")]
    )


def test_what_the_file_does_not_hold_as_it_is_breaks_its_promises_and_says_so() -> None:
    model = summed()
    flatbuffer = convert(model)
    subject = Subject(None, flatbuffer, locate(model, flatbuffer))
    claims = [Claim(layer, "dtype", "float32") for layer in ("hidden", "logits", "gone")]
    hidden, there, gone = measure(claims, subject)
    assert (hidden.measured, hidden.holds) == (HIDDEN, False)
    assert (there.measured, there.holds) == ("float32", True)
    assert (gone.measured, gone.holds) == (GONE, False)


def test_a_promise_about_a_layer_holds_for_all_of_its_weights_or_not_at_all() -> None:
    model = filled(sequence)
    kernel = model.get_layer("separable").depthwise_kernel
    kernel.assign(np.zeros(kernel.shape))
    flatbuffer = to_tflite(model)
    for subject in (Subject(model), Subject(None, flatbuffer, locate(model, flatbuffer))):
        promises = measure(
            [Claim("separable", "zeros", 0.5), Claim("separable/depthwise_kernel", "zeros", 1.0)], subject
        )
        assert [(promise.measured, promise.holds) for promise in promises] == [(0.0, False), (1.0, True)]


@pytest.mark.slow
def test_the_gates_of_recurrent_layers_are_pieces_of_one_weight() -> None:
    model = filled(recurrent)
    flatbuffer = to_tflite(model)
    places = locate(model, flatbuffer)
    assert {path: len(parts) for path, parts in places.items()} == {
        "lstm/kernel": 4,
        "lstm/recurrent_kernel": 4,
        "gru/kernel": 1,
        "gru/recurrent_kernel": 1,
        "logits": 1,
    }
    assert {part.graph for part in places["gru/kernel"]} == {2}  # the body of the loop
    (lstm,) = read_constants(flatbuffer, places)["lstm/kernel"]
    assert np.array_equal(lstm.values, model.get_layer("lstm").cell.kernel.numpy().T)
