from pathlib import Path
from typing import Any

import pytest

from tasks.backend import keras, set_seed
from tasks.compression.quantization.lstm_states import agree_states
from tests.tasks.compression.cases import carry_out
from tests.tasks.training.material import CLASSES, SHAPE


def network(several: bool) -> Any:
    """Rows of the image through an LSTM both ways, or through one."""
    set_seed(1)
    layers = keras().layers
    image = keras().Input(SHAPE)
    rows = layers.Reshape((16, 16))(layers.Rescaling(1 / 255)(image))
    signal = layers.Bidirectional(layers.LSTM(8))(rows) if several else layers.LSTM(8)(rows)
    return keras().Model(image, layers.Dense(CLASSES, name="logits")(signal))


@pytest.mark.parametrize("several", [True, False])
def test_int8_lstms_remember_what_they_gave(several: bool, prepared: Path) -> None:
    steps = [{"technique": "quantize", "mode": "int8", "calibration": 50}]
    file, candidate = carry_out("r", steps, network(several), prepared)
    comparison = candidate.steps[-1].comparison
    assert comparison is not None
    assert comparison.signal_to_noise_db > 25
    assert agree_states(file) is file


def small_cells(steps: int) -> Any:
    """An LSTM of few steps with small weights, whose cell state stays below 0.5."""
    set_seed(1)
    layers = keras().layers
    image = keras().Input(SHAPE)
    lstm = layers.LSTM(6, name="lstm")
    logits = layers.Dense(CLASSES, name="logits")(lstm(layers.Reshape((steps, 256 // steps))(image)))
    first, *others = lstm.get_weights()
    lstm.set_weights([first / 1000, *others])
    return keras().Model(image, logits)


@pytest.mark.parametrize("steps", [1, 4])
def test_cells_that_stay_small_are_computed(steps: int, prepared: Path) -> None:
    recipe = [{"technique": "quantize", "mode": "int8", "calibration": 50}]
    _, candidate = carry_out("r", recipe, small_cells(steps), prepared)
    comparison = candidate.steps[-1].comparison
    assert comparison is not None
    assert comparison.signal_to_noise_db > 25
