"""Networks of one's own that cannot be made again end with a sentence that names the layer."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.backend import keras, tensorflow
from tasks.errors import ConversionError, TrainingError
from tasks.learning.conversion import fold_scaling, to_tflite
from tasks.learning.saving import check_kept, copy_model, load_model, save_model
from tests.tasks.training.material import CLASSES, SHAPE, tiny


def network(*stages: Any) -> Any:
    layers = keras().layers
    inputs = keras().Input(SHAPE, name="image")
    signal = layers.Rescaling(1 / 255)(inputs)
    for stage in stages:
        signal = stage(signal)
    return keras().Model(inputs, layers.Dense(CLASSES, name="logits")(layers.Flatten()(signal)))


def layers() -> Any:
    return keras().layers


def convolution(**settings: Any) -> Any:
    return network(layers().Conv2D(4, 3, name="own", **settings))


def squared(values: Any, factor: float = 1.0) -> Any:
    return factor * values * values


def unregistered() -> Any:
    class Unregistered(layers().Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return values

    return network(Unregistered(name="own"))


def given(registered: Any) -> Any:
    @keras().saving.register_keras_serializable("remaking")
    class Given(layers().Layer):  # type: ignore[misc]
        def __init__(self, part: Any, **settings: Any) -> None:
            super().__init__(**settings)
            self.part = part

        def call(self, values: Any) -> Any:
            return self.part(values)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), **({"part": self.part} if registered else {})}

    return Given


NETWORKS: dict[str, Callable[[], Any]] = {
    "Lambda": lambda: network(layers().Lambda(lambda values: values * 2, name="own")),
    "a lambda as activation": lambda: convolution(activation=lambda values: values * 2),
    "a partial as activation": lambda: convolution(activation=functools.partial(squared, factor=2.0)),
    "a function as activation": lambda: convolution(activation=squared),
    "a function as initializer": lambda: convolution(
        kernel_initializer=lambda shape, dtype=None: tensorflow().ones(shape, dtype)
    ),
    "a function as regularizer": lambda: convolution(
        kernel_regularizer=lambda kernel: tensorflow().reduce_sum(kernel) * 0.1
    ),
    "a layer that is not registered": unregistered,
    "a layer that was given a function": lambda: network(given(True)(lambda values: values, name="own")),
    "a layer that was given a layer": lambda: network(given(True)(layers().Conv2D(4, 3), name="own")),
    "a configuration without an argument": lambda: network(given(False)(squared, name="own")),
    "a slice": lambda: network(lambda signal: signal[..., :1]),
    "spectral normalization": lambda: network(layers().SpectralNormalization(layers().Conv2D(4, 3), name="own")),
    "a layer within a model": lambda: network(
        keras().Sequential([keras().Input(SHAPE), layers().Lambda(lambda values: values, name="own")])
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_cannot_be_made_again_is_refused_by_its_layer(name: str, tmp_path: Path) -> None:
    model = NETWORKS[name]()
    layer = "SlicingOpLambda" if name == "a slice" else r"own \("
    with pytest.raises(TrainingError, match=rf"Expected a network that can be .* Received: layer .*{layer}.*\.$"):
        check_kept(model)
    for work in (copy_model, fold_scaling, lambda model: save_model(model, tmp_path / "model.keras")):
        with contextlib.suppress(TrainingError):  # and nothing else
            work(model)


def test_a_layer_that_takes_no_single_sample_is_named() -> None:
    @keras().saving.register_keras_serializable("remaking")
    class Pairs(layers().Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            if values.shape[0] == 1:
                raise ValueError("expected pairs")
            return values

    model = network(Pairs(name="pairs"))
    with pytest.raises(ConversionError, match=r"with one sample.* layer pairs \(Pairs\), ValueError: expected pairs"):
        to_tflite(model)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"PK")
    with pytest.raises((TrainingError, OSError)):
        load_model(tmp_path / "model.keras")


def test_a_network_of_keras_own_layers_is_kept() -> None:
    check_kept(tiny())
