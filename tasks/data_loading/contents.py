"""The bytes of a sample, and the check that a workload gives what its inputs say."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import DataError
from tasks.samples import DTYPES, Specs, TensorSpec, out_of_range
from tasks.tfrecord import CONTENT
from tasks.workloads.protocol import UnusableError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
BYTE = np.dtype("uint8")
RESERVED = {"name", CONTENT}  # features that say where a sample is in the source, and what it was made of


def check_specs(specs: Specs, target: str) -> None:
    """Refuse inputs that no network can take or no shard can hold.

    Args:
        specs: the inputs that a workload names.
        target: the name of the outcome's target.

    Raises:
        DataError: there is none, a name is used twice or cannot be one, or a type or a range is not known.
    """
    names = [spec.name for spec in specs]
    if not names or len({*names, target, *RESERVED}) != len(names) + 3 or not all(map(NAME.fullmatch, names)):
        raise DataError(
            f"Expected the workload's inputs to have names of letters, digits and _, each once and none of them "
            f"{target}, {' or '.join(sorted(RESERVED))}. Received: {', '.join(names) or 'no input'}. "
            f"Rename them in the workload's reader."
        )
    for spec in specs:
        if spec.dtype not in DTYPES or not all(size > 0 for size in spec.shape):
            raise DataError(
                f"Expected the input {spec.name} to be of a fixed shape and of type {', '.join(DTYPES)}. "
                f"Received: {spec.dtype} {spec.shape}. Change it in the workload's reader."
            )
        if not -np.inf < spec.low <= spec.high < np.inf:
            raise DataError(
                f"Expected the input {spec.name} to have a range of finite numbers. Received: {spec.low:g} to "
                f"{spec.high:g}. Name the least and the largest value that a sample may have."
            )


def content_of(inputs: Mapping[str, NDArray[Any]], specs: Specs) -> bytes:
    """Return a sample's inputs as bytes, one after the other, each in C order, little-endian.

    Args:
        inputs: ``[*shape]`` of each, by name.
        specs: the inputs that the workload names.

    Raises:
        UnusableError: a value is not in the range of its input.
        DataError: the workload gives other inputs, types or shapes than it names.
    """
    if len(specs) == 1 and type(inputs) is dict and len(inputs) == 1 and specs[0].name in inputs:
        return _bytes_of(inputs[specs[0].name], specs[0])  # most samples, so that most are quick
    given = inputs.keys() if isinstance(inputs, Mapping) else {f"a {type(inputs).__name__}"}
    if given != {spec.name for spec in specs}:
        raise DataError(
            f"Expected the workload to read {', '.join(spec.name for spec in specs)}, arrays by their names. "
            f"Received: {', '.join(given) or 'nothing'}. Let its reader give what it names."
        )
    return b"".join([_bytes_of(inputs[spec.name], spec) for spec in specs])


def _bytes_of(array: Any, spec: TensorSpec) -> bytes:
    if isinstance(array, np.generic):  # one number, as of the shape ()
        array = np.asarray(array)
    if not isinstance(array, np.ndarray):
        raise DataError(f"Expected the workload to read {spec.name} as an array. Received: {type(array).__name__}.")
    little = _little(spec.dtype)
    if (
        spec.dtype == "uint8"
        and array.dtype is BYTE
        and array.shape == spec.shape
        and (spec.low, spec.high) == (0, 255)
    ):
        return array.tobytes()  # any byte is one of these
    if array.shape != spec.shape or (array.dtype != little and array.dtype.newbyteorder("<") != little):
        raise DataError(
            f"Expected the workload to read {spec.name} as {spec.dtype} {spec.shape}. "
            f"Received: {array.dtype} {array.shape}. Let its reader give what it names."
        )
    if reason := out_of_range(spec, array):
        raise UnusableError(reason)
    return array.astype(little, copy=False).tobytes()


def rows_of(arrays: Mapping[str, NDArray[Any]], specs: Specs, count: int) -> list[list[bytes]]:
    """Return for each input the bytes of all samples of a batch of arrays.

    Args:
        arrays: by the names of inputs.
        specs: of the inputs.
        count: of samples.

    Raises:
        DataError: the arrays are not as the inputs say.
    """
    contents = []
    for spec in specs:
        array = arrays.get(spec.name)
        if array is None or array.shape != (count, *spec.shape) or array.dtype != spec.dtype:
            received = "nothing" if array is None else f"{array.dtype} {array.shape}"
            raise DataError(
                f"Expected the workload to encode {spec.name} as {spec.dtype} {(count, *spec.shape)}. "
                f"Received: {received}. Let `encode` give what it names."
            )
        if reason := out_of_range(spec, array):
            raise DataError(f"Expected the workload to encode values in their range. Received: {reason}.")
        made, size = array.astype(_little(spec.dtype), copy=False).tobytes(), spec.bytes
        contents.append([made[start : start + size] for start in range(0, count * size, size)])
    return contents


@cache
def _little(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")
