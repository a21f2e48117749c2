from typing import Any

import numpy as np
import pytest

from tasks.compression.quantization.modes import configurations
from tasks.compression.quantization.whole_numbers import check_whole_numbers
from tasks.errors import Unsuited
from tasks.learning.conversion import convert
from tasks.samples import Inputs
from tests.tasks.compression.zoo.handmade import embedded


@pytest.fixture(scope="module")
def model() -> Any:
    return embedded()


@pytest.mark.parametrize(
    ("mode", "largest", "fits"), [("int16x8", 255, False), ("int8", 254, False), ("int8", 255, True)]
)
def test_rows_of_a_table_are_chosen_by_whole_numbers_or_not_at_all(
    model: Any, mode: Any, largest: int, fits: bool
) -> None:
    image = np.linspace(0, largest, 256).astype(np.float32).reshape(1, 16, 16, 1)
    file = convert(model, configurations(lambda: iter([Inputs({"image": image})]))[mode], float_input=mode == "int8")
    if fits:
        check_whole_numbers(file)
    else:
        with pytest.raises(Unsuited, match="Expected whole numbers where embedded/table/Cast"):
            check_whole_numbers(file)
