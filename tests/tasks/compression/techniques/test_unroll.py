"""Recurrent layers without their loop."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.technique import Subject
from tasks.compression.techniques.unroll import Unroll
from tasks.errors import Unsuited
from tasks.learning.conversion import to_tflite
from tasks.learning.rewrites import noise, noted
from tasks.litert import LiteRTModel
from tests.tasks.compression.cases import context

LENGTH, WIDTH = 5, 6


def network(*recurrent: Any, length: int | None = LENGTH) -> Any:
    layers, entry = keras().layers, keras().Input((length, WIDTH))
    signal = entry
    for layer in recurrent:
        signal = layer(signal)
    return keras().Model(entry, layers.Dense(3, name="logits")(signal))


def unrolled(model: Any, prepared: Path) -> Any:
    return Unroll.model_validate({"technique": "unroll"}).apply(Subject(model), context(prepared))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_an_unrolled_layer_gives_the_same_and_its_file_has_no_loop_and_no_state(kind: str, prepared: Path) -> None:
    set_seed(2)
    model = network(getattr(keras().layers, kind)(4, name="memory"))
    with noted() as rows:
        result = unrolled(model, prepared)
    after = result.subject.network
    assert result.details == {"unrolled": ["memory"]}
    assert rows == [{"rewrite": "recurrent layer as its steps", "layer": "memory", "taken": "yes", "reason": ""}]
    np.testing.assert_allclose(after(noise(model)), model(noise(model)), atol=1e-5)
    assert not model.get_layer("memory").unroll
    loaded = LiteRTModel(to_tflite(after))
    assert not loaded.stateful
    assert len(loaded.interpreter._get_ops_details()) > 2 * LENGTH


def test_stacked_and_bidirectional_layers_are_unrolled_too(prepared: Path) -> None:
    set_seed(2)
    layers = keras().layers
    model = network(
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"), layers.GRU(4, name="upper")
    )
    after = unrolled(model, prepared).subject.network
    assert after.get_layer("both").forward_layer.unroll
    assert after.get_layer("both").backward_layer.unroll
    assert after.get_layer("upper").unroll
    np.testing.assert_allclose(after(noise(model)), model(noise(model)), atol=1e-5)


def test_what_cannot_be_unrolled_is_told_with_the_reason(prepared: Path) -> None:
    layers = keras().layers

    own = type("Own", (layers.LSTM,), {})
    for model, reason in {
        network(layers.Flatten()): "none of that kind",
        network(layers.LSTM(3, unroll=True, name="memory")): "it is unrolled already",
        network(layers.LSTM(3, name="memory"), length=None): "its sequences have no fixed length",
        network(own(3, name="memory")): "a Own is none of LSTM, GRU, SimpleRNN",
    }.items():
        with pytest.raises(Unsuited, match=reason):
            unrolled(model, prepared)
