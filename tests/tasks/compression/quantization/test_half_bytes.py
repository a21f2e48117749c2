from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.compression.flatbuffer import File, read_constants
from tasks.compression.location import locate
from tasks.compression.promises import measure
from tasks.compression.quantization.half_bytes import check_halves, store_as_int4
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.compression.technique import Claim, Subject
from tasks.compression.techniques.quantize import Quantize
from tasks.errors import CompressionError
from tests.tasks.compression.cases import Made
from tests.tasks.training.material import samples

LAYERS = ("conv2d", "logits")


def test_few_levels_take_half_the_bytes_and_give_the_same_numbers(made: Made, tiny: Any, prepared: Path) -> None:
    whole, _ = made("tiny", "aware int8 levels")
    places = locate(tiny, whole)
    halved = store_as_int4(whole, places, LAYERS)
    before, after = read_constants(whole, places), read_constants(halved, places)
    for layer in LAYERS:
        (one,), (other,) = before[layer], after[layer]
        assert (one.dtype, other.dtype) == ("int8", "int4")
        assert np.array_equal(one.values, other.values)
        assert one.scales == other.scales
        assert other.bytes() == one.bytes() // 2
    assert len(whole) - len(halved) > 0.95 * sum(after[layer][0].bytes() for layer in LAYERS)
    images, _ = samples("test", prepared, 100)
    assert min(check_halves(halved, whole, images).values()) > 35
    for kernels in (XNNPACK, PLAIN):
        step = np.diff(np.unique(answers(whole, images, kernels))).min()
        assert np.abs(answers(halved, images, kernels) - answers(whole, images, kernels)).max() <= 1.01 * step
    claims = [Claim(layer, "dtype", "int4") for layer in LAYERS]
    assert all(promise.holds for promise in measure(claims, Subject(None, halved, places)))
    assert not any(promise.holds for promise in measure(claims, Subject(None, whole, places)))


def test_other_numbers_are_refused(made: Made, tiny: Any, prepared: Path) -> None:
    whole, _ = made("tiny", "aware int8 levels")
    places = locate(tiny, whole)
    file = File(store_as_int4(whole, places, LAYERS))
    (part,) = places["logits"]
    tensor = file.tensor(part.graph, part.tensor)
    file.store(tensor, np.frombuffer(file.content(tensor), np.uint8)[::-1])  # what wrong kernels would read
    with pytest.raises(CompressionError, match="no right kernels"):
        check_halves(file.write(), whole, samples("test", prepared, 20)[0])


def test_more_levels_than_4_bits_have_are_refused(made: Made, tiny: Any) -> None:
    whole, _ = made("tiny", "int8")
    with pytest.raises(CompressionError, match="at most ±7 times the scale in layer conv2d"):
        store_as_int4(whole, locate(tiny, whole), LAYERS)


@pytest.mark.parametrize("settings", [{}, {"training": "qat"}, {"training": "qat", "weight_bits": 5}])
def test_it_belongs_to_few_trained_levels(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="weight_bits of at most 4 with weight_storage"):
        Quantize.read({"technique": "quantize", "mode": "int8", "weight_storage": "int4", **settings})
