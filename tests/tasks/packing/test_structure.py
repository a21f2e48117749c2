"""Containers that only an attacker makes: no file that is encoded leads there."""

from typing import Any, cast

import pytest

from tasks.errors import PackingError
from tasks.packing import schema
from tasks.packing.structure import Structure
from tasks.packing.symbols import Symbols
from tasks.packing.tree import Table, Vector


class AsLongAsTheFirstDimension:
    """Says of each vector that it is as long as its tensor's first dimension."""

    def flag(self, contexts: Any, value: bool = False) -> bool:
        del value
        return bool(contexts[0][1] == 1)


def test_a_vector_as_long_as_a_negative_dimension_is_refused() -> None:
    structure = Structure(cast("Symbols", AsLongAsTheFirstDimension()), 100)
    structure._shape = [-(2**60)]
    with pytest.raises(PackingError, match="the length of a vector"):
        structure._count(schema.QUANTIZED, schema.SCALE, 0)


def test_scales_that_are_no_floats_are_none() -> None:
    tensor = Table({schema.QUANTIZATION: Table({schema.SCALE: Vector(1, b"abc")})})
    assert schema.constant_of(tensor).scales == b""
