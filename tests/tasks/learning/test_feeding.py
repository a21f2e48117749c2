from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.learning.feeding import extremes, fed, fits, made_up, specs_for, specs_of
from tasks.samples import Inputs, Specs, TensorSpec

IDS = TensorSpec(name="ids", dtype="int64", shape=(3,), low=2, high=5)
AMOUNTS = TensorSpec(name="amounts", dtype="float32", shape=(2,), low=-1, high=4)
BYTES = TensorSpec(name="bytes", dtype="uint8", shape=(2, 2), low=0, high=255)


def model(*specs: TensorSpec) -> Any:
    entries = [keras().Input(each.shape, dtype=each.dtype, name=each.name) for each in specs]
    return keras().Model(entries, [keras().layers.Flatten()(each) for each in entries])


def test_ids_stay_whole_numbers_and_others_become_floats() -> None:
    given = fed(Inputs({"ids": np.zeros((2, 3), np.int64), "bytes": np.full((2, 2, 2), 7, np.uint8)}))
    assert {name: array.dtype.name for name, array in given.items()} == {"ids": "int64", "bytes": "float32"}
    alone = fed(np.full((2, 2), 7, np.uint8))
    assert (alone.dtype.name, alone.max()) == ("float32", 7.0)


def test_samples_are_made_up_over_the_whole_range_the_same_each_time() -> None:
    specs = (IDS, AMOUNTS, BYTES)
    drawn = made_up(specs, 500, 1)
    assert (drawn.arrays["ids"].min(), drawn.arrays["ids"].max(), drawn.arrays["ids"].dtype.name) == (2, 5, "int64")
    assert -1 <= drawn.arrays["amounts"].min() < -0.9 < 3.9 < drawn.arrays["amounts"].max() <= 4
    assert (drawn.arrays["bytes"].min(), drawn.arrays["bytes"].max()) == (0, 255)
    assert made_up(specs, 500, 1).tobytes() == drawn.tobytes() != made_up(specs, 500, 2).tobytes()
    assert extremes((IDS,)).arrays["ids"].tolist() == [[2, 2, 2], [5, 5, 5]]


@pytest.mark.parametrize(
    ("specs", "holds"),
    [
        ((IDS, AMOUNTS), True),
        ((AMOUNTS, IDS), True),
        ((AMOUNTS,), False),
        ((IDS.model_copy(update={"name": "other"}), AMOUNTS), False),
        ((IDS.model_copy(update={"shape": (4,)}), AMOUNTS), False),
    ],
)
def test_several_inputs_fit_a_network_by_name_and_shape(specs: Specs, holds: bool) -> None:
    assert fits(model(IDS, AMOUNTS), specs) == holds


def test_one_input_fits_by_its_shape_alone() -> None:
    assert fits(model(AMOUNTS), (AMOUNTS.model_copy(update={"name": "other"}),))
    assert not fits(model(AMOUNTS), (AMOUNTS.model_copy(update={"shape": (3,)}),))


def test_a_network_alone_tells_names_and_kinds_and_no_more(tmp_path: Path) -> None:
    (pixels,) = specs_of(model(AMOUNTS))
    assert (pixels.name, pixels.dtype, pixels.shape, pixels.high) == ("image", "uint8", (2,), 255)
    ids, amounts = specs_for(model(IDS, AMOUNTS), tmp_path)
    assert (ids.name, ids.dtype, ids.low, ids.high) == ("ids", "int64", 0, 1)
    assert (amounts.name, amounts.dtype, amounts.shape) == ("amounts", "float32", (2,))
