from typing import Any

import numpy as np
import pytest

from tasks.data_loading.contents import check_specs, content_of
from tasks.errors import DataError
from tasks.samples import TensorSpec
from tasks.workloads.protocol import UnusableError

IDS = TensorSpec(name="ids", dtype="int32", shape=(2,), low=0, high=9)
AMOUNT = TensorSpec(name="amount", dtype="float32", shape=(), low=-1, high=1)


def test_the_bytes_of_inputs_lie_in_the_order_that_the_workload_names() -> None:
    inputs = {"amount": np.array(0.5, np.float32), "ids": np.array([1, 8], np.int32)}
    assert content_of(inputs, (IDS, AMOUNT)) == b"\x01\x00\x00\x00\x08\x00\x00\x00" + np.float32(0.5).tobytes()
    swapped = {**inputs, "ids": inputs["ids"].astype(">i4")}
    assert content_of(swapped, (AMOUNT, IDS)) == np.float32(0.5).tobytes() + b"\x01\x00\x00\x00\x08\x00\x00\x00"


@pytest.mark.parametrize(
    ("inputs", "kind", "words"),
    [
        ({"ids": np.array([1, 10], np.int32)}, UnusableError, "ids from 1 to 10: 0 to 9 is expected"),
        ({"ids": np.array([1, -1], np.int32)}, UnusableError, "ids from -1 to 1"),
        ({"ids": np.array([1, 2])}, DataError, r"ids as int32 \(2,\). Received: int64 \(2,\)"),
        ({"ids": np.array([1], np.int32)}, DataError, r"Received: int32 \(1,\)"),
        ({"id": np.array([1, 2], np.int32)}, DataError, "to read ids, arrays by their names. Received: id"),
        ({}, DataError, "Received: nothing"),
        (b"12345678", DataError, "Received: a bytes"),
        ({"ids": [1, 2]}, DataError, "Received: list"),
    ],
)
def test_what_is_not_what_the_inputs_say_is_refused(inputs: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        content_of(inputs, (IDS,))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.5])
def test_amounts_are_numbers_in_their_range(value: float) -> None:
    with pytest.raises(UnusableError, match="amount from"):
        content_of({"amount": np.array(value, np.float32)}, (AMOUNT,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "amount"}, "each once"),
        ({"name": "label"}, "none of them label"),
        ({"name": "name"}, "or name"),
        ({"name": "my ids"}, "letters, digits and _"),
        ({"dtype": "float64"}, r"of type uint8, int32, int64, float32. Received: float64 \(2,\)"),
        ({"shape": (0, 2)}, "fixed shape"),
        ({"high": float("inf")}, "finite numbers. Received: 0 to inf"),
        ({"low": 10}, "Received: 10 to 9"),
    ],
)
def test_inputs_that_no_shard_or_network_can_hold_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_specs((AMOUNT, IDS.model_copy(update=change)), "label")
    check_specs((AMOUNT, IDS), "label")
