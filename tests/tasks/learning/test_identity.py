import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.learning.identity import network_digest
from tasks.learning.saving import copy_model, load_model, save_model
from tests.tasks.training.material import residual

OWN = """
from tasks.backend import keras

register = keras().saving.register_keras_serializable("{module}")

@register
class Layer(keras().layers.Layer):
    def call(self, values):
        return values * {factor}

@register
def bent(values):
    return values * {factor}
"""


def dense(**settings: Any) -> Any:
    layer = keras().layers.Dense(3, kernel_initializer="ones", name="dense", **settings)
    return keras().Sequential([keras().Input((4,), name="input"), layer], name="network")


def test_a_copy_and_a_file_are_the_same_network(tmp_path: Path) -> None:
    model = residual()
    save_model(model, tmp_path / "model.keras")
    assert (
        network_digest(model)
        == network_digest(copy_model(model))
        == network_digest(load_model(tmp_path / "model.keras"))
    )


def test_weights_and_configuration_tell_networks_apart() -> None:
    changed = dense()
    changed.set_weights([weight + 1 for weight in changed.get_weights()])
    networks = [dense(), changed, dense(activation="tanh"), dense(activation="relu"), with_table(0.0), with_table(1.0)]
    assert len({network_digest(each) for each in networks}) == len(networks)


def with_table(middle: float) -> Any:
    """A network whose graph holds an array that is too long to be printed whole."""
    table = np.zeros(3000, np.float32)
    table[1500] = middle
    inputs = keras().Input((3000,), name="input")
    return keras().Model(inputs, inputs + table, name="network")


@pytest.mark.parametrize("use", [lambda own: dense(activation=own.bent), lambda own: around(own.Layer(name="own"))])
def test_the_code_of_ones_own_layers_and_functions_tells_networks_apart(
    use: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    name, digests = f"own_{tmp_path.name}", []
    for factor in (1, 1, 2):
        (tmp_path / f"{name}.py").write_text(OWN.format(module=name, factor=factor))
        importlib.invalidate_caches()
        digests.append(network_digest(use(importlib.import_module(name))))
    assert digests[0] == digests[1] != digests[2]


def around(layer: Any) -> Any:
    return keras().Sequential([keras().Input((4,), name="input"), layer], name="network")
