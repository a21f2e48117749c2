import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed, tensorflow
from tasks.learning import conversion
from tasks.learning.conversion import convert
from tasks.learning.saved_function import is_writable
from tasks.litert import LiteRTModel
from tasks.samples import Inputs
from tests.tasks.compression.zoo.networks import NETWORKS
from tests.tasks.training.material import CLASSES, SHAPE


def by_tensorflow(function: Any, model: Any) -> Any:
    """The converter of what TensorFlow itself saves."""
    holder = tensorflow().Module()
    holder.held = [model, *function.variables]
    return tensorflow().lite.TFLiteConverter.from_concrete_functions([function], holder)


def normalized() -> Any:
    """Its mean and variance for each pixel are constants of the traced function, too large to stand in it."""
    layers = keras().layers
    chance = np.random.default_rng(1)
    scale = layers.Normalization(axis=(1, 2, 3), mean=chance.normal(size=SHAPE), variance=chance.uniform(1, 2, SHAPE))
    return keras().Sequential([keras().Input(SHAPE), scale, layers.Flatten(), layers.Dense(CLASSES)])


def simulated() -> Any:
    """Its values are rounded as in quantization-aware training."""
    tf = tensorflow()
    image = keras().Input(SHAPE)
    rounded = tf.quantization.fake_quant_with_min_max_args(keras().layers.Conv2D(4, 3)(image), -8.0, 8.0)
    return keras().Model(image, keras().layers.Dense(CLASSES)(keras().layers.Flatten()(rounded)))


def counted() -> Any:
    """It reads a table of TensorFlow's, which is neither a variable nor a constant."""
    words = keras().Input((4,), dtype="int32", name="words")
    lookup = keras().layers.IntegerLookup(vocabulary=[3, 5, 9], output_mode="int")
    rows = keras().layers.Embedding(8, 4)(lookup(words))
    return keras().Model(words, keras().layers.Dense(CLASSES)(keras().layers.Flatten()(rows)))


SAME: dict[str, Callable[[], Any]] = {
    **{name: NETWORKS[name] for name in ("grouped", "one_batch_norm", "recurrent_gru", "recurrent_lstm", "towers")},
    "simulated": simulated,
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    set_seed(1)


def quantized(model: Any) -> Callable[[Any], None]:
    def samples() -> Iterator[Inputs]:
        shape = model.input_shape[1:]
        yield from (Inputs({"image": np.full((1, *shape), value, np.uint8)}) for value in (0, 90, 255))

    def configure(converter: Any) -> None:
        converter.optimizations = [tensorflow().lite.Optimize.DEFAULT]
        converter.representative_dataset = samples

    return configure


@pytest.mark.parametrize("network", SAME)
def test_the_file_is_that_of_tensorflows_own_saving_byte_for_byte(
    network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SAME[network]()
    found = convert(model)
    monkeypatch.setattr(conversion, "_converter", by_tensorflow)
    assert found == convert(model)


def test_calibrated_files_are_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    model = NETWORKS["grouped"]()
    found = convert(model, quantized(model))
    monkeypatch.setattr(conversion, "_converter", by_tensorflow)
    assert found == convert(model, quantized(model))
    assert len(found) < len(convert(model))


def test_variables_have_their_values_and_nothing_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = NETWORKS["grouped"]()
    images = np.random.default_rng(0).integers(0, 256, (3, *model.input_shape[1:]), np.uint8)
    logits = LiteRTModel(convert(model)).predict(images)
    np.testing.assert_allclose(logits, model(images.astype(np.float32)), rtol=1e-4, atol=1e-4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("network", [counted, normalized])
def test_a_function_that_reads_more_than_variables_is_saved_by_tensorflow(network: Callable[[], Any]) -> None:
    tf, model = tensorflow(), network()
    spec = tf.TensorSpec((1, *model.input_shape[1:]), model.input.dtype, name="given")
    function = tf.function(lambda given: {"logits": model(given)}).get_concrete_function(given=spec)
    assert not is_writable(function)
