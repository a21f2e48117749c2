"""Record each tensor's values while a float ``.tflite`` runs on calibration inputs."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.litert import LiteRTModel
from tasks.samples import Inputs

MOST = 4096  # values of a tensor that are kept of one sample


def observe(flatbuffer: bytes, samples: Inputs | Array) -> Iterator[Any]:
    """Yield the interpreter with all of its tensors after each sample, which finds a fresh state.

    Args:
        flatbuffer: of the float file.
        samples: n of them, one after the other.
    """
    model = LiteRTModel(flatbuffer, delegate=False, keep_all=True)
    for sample in model.fit(samples):
        model.set_inputs(sample)
        model.invoke()
        yield model.interpreter


def record_activations(flatbuffer: bytes, samples: Inputs | Array) -> dict[int, NDArray[np.float32]]:
    """Return the values of each computed float tensor but the outputs: every n-th value of large ones.

    Args:
        flatbuffer: of the float file.
        samples: what it runs on.
    """
    seen: dict[int, list[NDArray[np.float32]]] = {}
    for interpreter in observe(flatbuffer, samples):
        for index in seen or _computed(interpreter):
            flat = interpreter.get_tensor(index).reshape(-1)
            seen.setdefault(index, []).append(flat[:: -(-len(flat) // MOST)].copy())
    return {index: np.concatenate(parts) for index, parts in seen.items()}


def record_means(
    flatbuffer: bytes, samples: Inputs | Array, tensors: Collection[int]
) -> dict[int, NDArray[np.float64]]:
    """Return the mean over the samples of each of some tensors, element by element: of shape ``[1, ...]``.

    Args:
        flatbuffer: of the float file.
        samples: what it runs on.
        tensors: their numbers.
    """
    sums: dict[int, NDArray[np.float64]] = {}
    for interpreter in observe(flatbuffer, samples):
        for index in tensors:
            sums[index] = sums.get(index, 0.0) + interpreter.get_tensor(index).astype(np.float64)
    return {index: total / len(samples) for index, total in sums.items()}


def _computed(interpreter: Any) -> list[int]:
    final = {int(details["index"]) for details in interpreter.get_output_details()}
    types = {int(details["index"]): details["dtype"] for details in interpreter.get_tensor_details()}
    computed = {int(index) for operation in interpreter._get_ops_details() for index in operation["outputs"]}
    return sorted(index for index in computed - final if types.get(index) is np.float32)
