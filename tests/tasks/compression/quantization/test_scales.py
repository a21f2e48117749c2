from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compression.location import locate
from tasks.compression.quantization.calibration import Calibration, calibration_set
from tasks.compression.quantization.float_file import run_file
from tasks.compression.quantization.scales import stretch_scales
from tasks.compression.quantization.static import convert_with_ranges
from tasks.errors import CompressionError
from tasks.learning.conversion import fold_scaling
from tasks.litert import LiteRTModel
from tests.tasks.compression.cases import Made, context
from tests.tasks.compression.named import constants_by_layer
from tests.tasks.training.material import answers, depthwise, samples

LAYERS = ("convolution", "channelwise", "logits")


def test_stretched_scales_scale_the_outputs_but_not_the_bias(
    made: Made, tiny: Any, prepared: Path, tmp_path: Path
) -> None:
    flatbuffer, _ = made("tiny", "aware int8 levels")
    factor = np.ones(10, np.float32)
    factor[3] = 0.5
    path = tmp_path / "model.tflite"
    images, _ = samples("test", prepared, 100)
    path.write_bytes(flatbuffer)
    before = LiteRTModel(path).predict(images)
    path.write_bytes(stretch_scales(flatbuffer, {"logits": factor}, locate(tiny, flatbuffer)))
    after = LiteRTModel(path).predict(images)
    others = np.arange(10) != 3
    assert np.array_equal(after[:, others], before[:, others])
    half = np.polyfit(before[:, 3], after[:, 3], 1)
    assert half[0] == pytest.approx(0.5, abs=0.03)


def test_what_cannot_be_stretched_is_refused(made: Made, tiny: Any) -> None:
    flatbuffer, _ = made("tiny", "aware int8 levels")
    places = locate(tiny, flatbuffer)
    with pytest.raises(CompressionError, match="the kernel of layer gone"):
        stretch_scales(flatbuffer, {"gone": np.ones(3, np.float32)}, places)
    with pytest.raises(CompressionError, match="dense kernel of 3 outputs"):
        stretch_scales(flatbuffer, {"logits": np.ones(3, np.float32)}, places)
    with pytest.raises(CompressionError, match="dense kernel of 16 outputs"):
        stretch_scales(flatbuffer, {"conv2d": np.ones(16, np.float32)}, places)
    assert stretch_scales(flatbuffer, {}, places) is flatbuffer


def test_a_layers_weights_share_the_scale_that_its_largest_weight_gives(prepared: Path) -> None:
    model, drawn = depthwise(), calibration_set(Calibration(samples=100), context(prepared))
    folded = fold_scaling(model)
    file, _ = convert_with_ranges(folded, drawn, Calibration(), per_channel=False)
    own, _ = convert_with_ranges(folded, drawn, Calibration())
    for name, constant in constants_by_layer(file, LAYERS).items():
        kernel = folded.get_layer(name).get_weights()[0]
        assert constant.scales == pytest.approx((np.abs(kernel).max() / 127,))
        assert np.abs(constant.values).max() == 127
        per_channel = constants_by_layer(own, [name])[name]
        assert len(per_channel.scales) > 1
        assert np.abs(constant.real() - per_channel.real()).max() < constant.scales[0]  # half a step of each
    images, _ = samples("test", prepared, 200)
    expected = answers(model, images)
    assert np.abs(run_file(file, images) - expected).mean() < 0.03 * np.ptp(expected)


def test_a_layer_of_zeros_keeps_its_bias(tiny: Any, prepared: Path) -> None:
    folded, drawn = fold_scaling(tiny), calibration_set(Calibration(samples=50), context(prepared))
    layer = folded.get_layer("logits")
    bias = np.linspace(-2, 2, 10, dtype=np.float32)
    layer.set_weights([np.zeros_like(layer.get_weights()[0]), bias])
    file, _ = convert_with_ranges(folded, drawn, Calibration(), per_channel=False)
    images, _ = samples("test", prepared, 3)
    assert run_file(file, images) == pytest.approx(np.broadcast_to(bias, (3, 10)), abs=0.03)
