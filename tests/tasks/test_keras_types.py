from typing import Any

import pytest

from tasks.backend import keras
from tasks.keras_types import Keras, KerasLayer, KerasModel, KerasModels, KerasNode, KerasVariable
from tests.tasks.training.material import residual


def used(protocol: type) -> set[str]:
    """Methods and attributes that a protocol itself names."""
    methods = {name for name, member in vars(protocol).items() if callable(member) and not name.startswith("__")}
    return methods | set(protocol.__annotations__)


@pytest.fixture(scope="module")
def model() -> Any:
    return residual()


def test_keras_has_what_is_said_of_it(model: Any) -> None:
    dense = model.get_layer("logits")
    for protocol, real in {
        KerasVariable: dense.kernel,
        KerasNode: dense.inbound_nodes[0],
        KerasModels: keras().models,
        Keras: keras(),
    }.items():
        assert {name for name in used(protocol) if not hasattr(real, name)} == set()
    # a Sequential model alone has add; a functional one has all else
    assert {name for name in used(KerasModel) if not hasattr(model, name)} == {"add"}


def test_every_attribute_of_a_layer_is_one_of_some_kind(model: Any) -> None:
    layers = keras().layers
    kinds = [
        *model.layers,
        model,
        layers.DepthwiseConv2D(3),
        layers.Conv2D(2, 3),
        layers.Dropout(0.5),
        layers.Reshape((2,)),
        layers.Rescaling(2.0),
        layers.PReLU(),
        layers.LSTM(2),
        layers.EinsumDense("ab,bc->ac", 2),
    ]
    known = {name for layer in kinds for name in used(KerasLayer) if hasattr(layer, name)}
    of_wrappers_and_built = {"layer", "_weight_vars", "depthwise_kernel", "alpha", "symbol"}
    assert used(KerasLayer) - known <= of_wrappers_and_built
