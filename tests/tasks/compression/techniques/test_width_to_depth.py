from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed, tensorflow
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Reason
from tasks.compression.space_to_depth import Columns
from tasks.compression.technique import Context, Result, Subject
from tasks.compression.techniques.width_to_depth import WidthToDepth
from tasks.errors import ConfigError
from tasks.learning.conversion import fold_scaling
from tests.tasks.compression.cases import carry_out, scores

SHAPE = (7, 24, 3)
EVEN: dict[str, tuple[int, dict[str, Any]]] = {  # columns at once, and settings of the convolution
    "valid": (2, {"kernel_size": 3}),
    "same": (2, {"kernel_size": 3, "padding": "same"}),
    "no bias": (2, {"kernel_size": 3, "use_bias": False}),
    "wide": (2, {"kernel_size": (2, 5), "padding": "same"}),
    "even": (4, {"kernel_size": (1, 2), "padding": "same"}),
    "single": (3, {"kernel_size": 1}),
    "three": (3, {"kernel_size": 4}),
    "strides, same": (2, {"kernel_size": 3, "padding": "same", "strides": 2}),
    "unequal strides": (4, {"kernel_size": (3, 2), "padding": "valid", "strides": (1, 2)}),
}
ODD: dict[str, tuple[int, dict[str, Any]]] = {
    "columns": (5, {"kernel_size": 3, "padding": "same"}),
    "outputs": (2, {"kernel_size": 2}),
    "strides": (2, {"kernel_size": 3, "strides": 2}),
}


def network(**settings: Any) -> Any:
    """A convolution with random weights between a scaling and a sum."""
    set_seed(1)
    layers = keras().layers
    stack = [
        layers.Rescaling(1 / 255),
        layers.Conv2D(5, name="c", **{"activation": "relu", **settings}),
        layers.Flatten(),
    ]
    model = keras().Sequential([keras().Input(SHAPE), *stack, layers.Dense(4, name="logits")])
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def applied(model: Any, **settings: Any) -> Result:
    return WidthToDepth(technique="width_to_depth", **settings).apply(Subject(model), Context(1, 8))


@pytest.mark.parametrize(("columns", "settings"), EVEN.values(), ids=EVEN)
def test_the_network_gives_what_it_gave(columns: int, settings: dict[str, Any]) -> None:
    model = network(**settings)
    result = applied(model, columns=columns)
    assert result.changed == ("c",)
    wide = result.subject.network.get_layer("c_columns")
    assert wide.input_shape[-1] == 3 * columns * wide_stride(settings)
    assert wide.output_shape[2:] == (model.get_layer("c").output_shape[2] // columns, 5 * columns)
    images = np.random.default_rng(2).uniform(0, 255, (3, *SHAPE)).astype(np.float32)
    before, after = (each(images, training=False).numpy() for each in (model, result.subject.network))
    assert np.abs(after - before).max() <= 1e-5 * np.abs(before).max()
    weights = wide.kernel.numpy()
    assert np.isin(weights, [0, *fold_scaling(model).get_layer("c").kernel.numpy().flat]).all()
    assert result.claims[0].promised == pytest.approx(np.mean(weights == 0))


def wide_stride(settings: dict[str, Any]) -> int:
    strides = settings.get("strides", 1)
    return int(strides if isinstance(strides, int) else strides[1])


@pytest.mark.parametrize(("columns", "settings"), ODD.values(), ids=ODD)
def test_what_does_not_come_out_even_stays(columns: int, settings: dict[str, Any]) -> None:
    result = applied(network(**settings), columns=columns)
    assert result.changed == ()
    reasons = {skip.layer: skip for skip in result.skipped}
    assert reasons["c"].reason == Reason.UNSUPPORTED
    assert "come out even" in reasons["c"].detail


def centered(values: Any) -> Any:
    return values - tensorflow().reduce_mean(values, axis=-1, keepdims=True)


@pytest.mark.parametrize("activation", ["softmax", "a softmax layer", "a slope for each place", "a user's own"])
def test_an_activation_that_takes_channels_together_stays(activation: str) -> None:
    layers = keras().layers
    own = {
        "a softmax layer": layers.Softmax,
        "a slope for each place": layers.PReLU,
        "a user's own": lambda: keras().saving.register_keras_serializable("tests")(centered),
    }
    model = network(kernel_size=3, activation=own[activation]() if activation in own else activation)
    result = applied(model)
    assert result.changed == ()
    assert {skip.layer: skip.detail for skip in result.skipped}["c"].startswith(
        "its activation takes channels together"
    )
    images = np.random.default_rng(2).uniform(0, 255, (3, *SHAPE)).astype(np.float32)
    before, after = (each(images, training=False).numpy() for each in (model, result.subject.network))
    assert np.abs(after - before).max() <= 1e-5 * np.abs(before).max()


def test_a_convolution_that_is_called_twice_stays() -> None:
    shared = keras().layers.Conv2D(3, 3, padding="same", name="c")
    inputs = keras().Input(SHAPE)
    model = keras().Model(inputs, keras().layers.Flatten()(shared(shared(inputs))))
    result = applied(model)
    assert result.changed == ()
    assert result.skipped[0].detail == "it is used more than once"


def test_a_layer_of_many_channels_stays() -> None:
    result = applied(network(kernel_size=3), most_channels=2)
    assert {skip.layer: skip.reason for skip in result.skipped} == {
        "c": Reason.EXCLUDED,
        "logits": Reason.UNSUPPORTED,
    }


def test_in_int8_answers_are_the_same_to_the_bit(article: Any, prepared: Path, tmp_path: Path) -> None:
    int8: dict[str, Any] = {"technique": "quantize", "mode": "int8", "calibration": 100}
    plain, _ = carry_out("plain", [int8], article, prepared)
    wide, candidate = carry_out("wide", [{"technique": "width_to_depth"}, int8], article, prepared)
    assert candidate.steps[0].changed == ("conv2d",)
    assert np.array_equal(scores(plain, prepared, tmp_path), scores(wide, prepared, tmp_path))


def test_promises_about_the_layer_end_and_those_about_others_stay(article: Any, prepared: Path) -> None:
    steps: list[dict[str, Any]] = [
        {"technique": "prune_channels", "layers": {"conv2d": 8, "conv2d_1": 16}, "repair": "none"},
        {"technique": "width_to_depth"},
        {"technique": "quantize", "mode": "int8", "calibration": 50},
    ]
    _, candidate = carry_out("fast", steps, article, prepared)
    kinds = {(promise.layer, promise.promise) for promise in candidate.steps[1].promises}
    assert ("conv2d", "channels") in {(each.layer, each.promise) for each in candidate.steps[0].promises}
    assert kinds == {("conv2d_1", "channels"), ("dense", "channels"), ("conv2d_columns", "zeros")}
    assert all(promise.holds for step in candidate.steps for promise in step.promises)


def test_training_that_would_fill_the_zeros_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"keeps the zeros that width_to_depth makes"):
        parse_recipe("r", [{"technique": "width_to_depth"}, {"technique": "factorize", "rank": {"by": "vbmf"}}])


def test_the_kernel_is_the_old_one_shifted_by_a_column_each() -> None:
    columns = Columns(given=2, taken=2, before=0, first=0, last=1)
    kernel = np.arange(1, 4, dtype=np.float32).reshape(1, 3, 1, 1)
    assert columns.kernel(kernel)[0, :, :, 0].tolist() == [[1, 2], [3, 0]]
    assert columns.kernel(kernel)[0, :, :, 1].tolist() == [[0, 1], [2, 3]]
