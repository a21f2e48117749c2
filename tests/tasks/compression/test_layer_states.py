from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.backend import keras, set_seed
from tasks.compression.flatbuffer import Constant
from tasks.compression.layer_states import _rank, measure_layers
from tasks.compression.location import locate
from tasks.compression.records import LayerState
from tasks.compression.technique import Subject
from tasks.compression.weights import values as kernels
from tasks.learning.conversion import to_tflite
from tasks.workloads.image.networks import BUILDERS
from tests.tasks.compression.cases import Made, carry_out
from tests.tasks.training.material import CLASSES, SHAPE


def distortions(layers: tuple[LayerState, ...]) -> list[float]:
    found = [layer.distortion for layer in layers]
    assert None not in found
    return [each for each in found if each is not None]


@pytest.fixture
def depthwise() -> Any:
    """A network of depthwise convolutions whose BatchNorm has something to say."""
    set_seed(1)
    model = BUILDERS["mobilenet_small"](SHAPE, CLASSES, 0.0)
    for layer in model.layers:
        if isinstance(layer, keras().layers.BatchNormalization):
            chance = np.random.default_rng(1)
            layer.set_weights([chance.uniform(0.5, 2.0, each.shape) for each in layer.get_weights()])
    return model


@pytest.mark.parametrize("network", ["tiny", "residual", "depthwise"])
def test_what_conversion_moves_into_kernels_is_no_error(request: pytest.FixtureRequest, network: str) -> None:
    model = request.getfixturevalue(network)
    layers = measure_layers(Subject(model), Subject(flatbuffer=to_tflite(model)))
    assert {layer.layer for layer in layers} == set(kernels(model))
    assert max(distortions(layers)) < 1e-10


def test_rank_and_values_of_a_depthwise_kernel_are_by_channel(depthwise: Any) -> None:
    for after in (Subject(depthwise), Subject(flatbuffer=to_tflite(depthwise))):
        states = measure_layers(Subject(depthwise), after)
        found = [state for state in states if state.shape[0] == 1 and state.shape[1:3] == (3, 3)]
        assert len(found) > 3
        assert {(state.rank, state.distinct) for state in found} == {(9, 9)}


def matrices(chance: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Of every kind: whole, with few numbers, with rows of all sizes, with singular values close to nothing, empty."""
    for number in range(200):
        rows, columns = chance.integers(1, 60, 2)
        least = min(rows, columns)
        matrix = chance.normal(size=(rows, columns))
        sizes = 10.0 ** np.linspace(0, -8 * chance.random(), least)
        kinds = [
            matrix,
            matrix * (chance.random(matrix.shape) < 0.2),
            matrix * 10.0 ** chance.uniform(-7, 0, (rows, 1)),
            (chance.normal(size=(rows, least)) * sizes) @ chance.normal(size=(least, columns)),
            np.zeros_like(matrix),
        ]
        yield kinds[number % len(kinds)].astype(np.float32)


def test_rank_is_that_of_singular_values() -> None:
    found = [
        (_rank(Constant(each, "float32", 0)), min(each.shape), each) for each in matrices(np.random.default_rng(1))
    ]
    assert [rank for rank, _, _ in found] == [np.linalg.matrix_rank(each) for _, _, each in found]
    assert {rank == least for rank, least, _ in found} == {True, False}


def test_what_rounding_does_to_a_network_with_normalization_is_one(made: Made) -> None:
    _, candidate = made("residual", "int8")
    assert 1e-6 < min(distortions(candidate.steps[0].layers)) <= max(distortions(candidate.steps[0].layers)) < 1e-3


def test_a_channel_that_is_gone_counts(tiny: Any) -> None:
    kernel = tiny.get_layer("logits").kernel
    flatbuffer = to_tflite(tiny)
    before = Subject(None, flatbuffer, locate(tiny, flatbuffer))
    whole = kernel.numpy()
    kernel.assign(whole * (np.arange(10) != 3))
    try:
        flatbuffer = to_tflite(tiny)
        layers = measure_layers(before, Subject(None, flatbuffer, locate(tiny, flatbuffer)))
    finally:
        kernel.assign(whole)
    assert [layer.layer for layer in layers] == ["conv2d", "logits"]
    share = np.square(whole[:, 3]).sum() / np.square(whole).sum()
    assert distortions(layers) == [0.0, pytest.approx(share, rel=1e-3)]


def test_a_package_is_measured_as_what_was_packed(tiny: Any, prepared: Path) -> None:
    steps = [{"technique": "convert"}, {"technique": "pack"}]
    _, candidate = carry_out("packed", steps, tiny, prepared)
    converted, packed = (step.layers for step in candidate.steps)
    assert [layer.layer for layer in packed] == [layer.layer for layer in converted] == ["conv2d", "logits"]
    assert distortions(packed) == [0.0, 0.0]
