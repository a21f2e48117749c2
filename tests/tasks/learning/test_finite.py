from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import CompressionError, TrainingError
from tasks.learning.finite import check_finite
from tasks.learning.saving import copy_model, load_model, save_model
from tests.tasks.training import material


def spoilt(model: Any, layer: str, value: float) -> Any:
    """A copy, one of whose weights is no number."""
    copy = copy_model(model)
    inner, _, name = layer.rpartition("/")
    within: Any = copy.get_layer(inner) if inner else copy
    owner = within.get_layer(name)
    kernel, *others = owner.get_weights()
    kernel.flat[1] = value
    owner.set_weights([kernel, *others])
    return copy


@pytest.mark.parametrize(
    ("layer", "value", "sentence"),
    [
        ("logits", np.nan, "NaN in layer logits .logits/kernel: 1 of 120."),
        ("convolution", -np.inf, "infinite values in layer convolution"),
        ("inner/deep", np.nan, "NaN in layer inner/deep"),
    ],
)
def test_the_layer_is_named(layer: str, value: float, sentence: str) -> None:
    from tasks.backend import set_seed

    set_seed(1)
    model = spoilt(material.depthwise(), layer, value)
    with pytest.raises(CompressionError, match=sentence):
        check_finite(model, "the baseline", CompressionError)


def test_numbers_pass(tiny: Any) -> None:
    check_finite(tiny, "the baseline")


def test_a_saved_network_is_checked_when_it_is_read(tiny: Any, tmp_path: Path) -> None:
    save_model(spoilt(tiny, "logits", np.nan), tmp_path / "model.keras")
    with pytest.raises(TrainingError, match=r"weights of .*model\.keras\. Received: NaN in layer logits"):
        load_model(tmp_path / "model.keras")
