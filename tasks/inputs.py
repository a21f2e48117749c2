"""The inputs and the target of a network, and the inputs of some samples as arrays."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.arrays import Array
from tasks.records import Record

DTYPES = ("uint8", "int32", "int64", "float32")  # of inputs; int32 and int64 are numbers of things (ids), not amounts


class TensorSpec(Record):
    """One input or target of a network, without the batch axis: its name, its type and what its values may be."""

    name: str
    dtype: str  # as NumPy names it
    shape: tuple[int, ...]
    low: float  # the least value
    high: float  # the largest value

    @property
    def bytes(self) -> int:
        """Bytes of one sample."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


Specs = tuple[TensorSpec, ...]


def size_of(specs: Sequence[TensorSpec]) -> int:
    """Return the bytes of one sample's inputs.

    Args:
        specs: of the inputs.
    """
    return sum(spec.bytes for spec in specs)


@dataclass(frozen=True, eq=False)
class Inputs:
    """The inputs of n samples: an array ``[n, *shape]`` for each, by its name.

    They are cut as an array of samples is: ``inputs[3:5]``, ``inputs[places]`` and ``inputs[mask]`` are inputs again.

    Raises:
        ValueError: there is no input, or there are not as many samples in each.
    """

    arrays: Mapping[str, Array]

    def __post_init__(self) -> None:
        if len({len(array) for array in self.arrays.values()}) != 1:
            sizes = {name: len(array) for name, array in self.arrays.items()}
            raise ValueError(f"Expected as many samples in each input. Received: {sizes}.")

    def __len__(self) -> int:
        """Count the samples."""
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, places: "slice | Array") -> "Inputs":
        """Return some of the samples."""
        return Inputs({name: array[places] for name, array in self.arrays.items()})

    def __iter__(self) -> Iterator["Inputs"]:
        """Go through the samples, each as inputs of one."""
        return (self[place : place + 1] for place in range(len(self)))

    def tobytes(self) -> bytes:
        """Return the bytes of each array in C order, one array after the other."""
        return b"".join(array.tobytes() for array in self.arrays.values())


def concatenate(parts: Sequence[Inputs]) -> Inputs:
    """Return samples of the same inputs, one part behind the other.

    Args:
        parts: each with the same names, shapes and types.

    Raises:
        ValueError: there are no parts.
    """
    if not parts:
        raise ValueError("Expected inputs to put together. Received: none.")
    return Inputs({name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays})


def as_inputs(samples: "Inputs | Array", name: str = "") -> Inputs:
    """Return samples as inputs; an array alone is that of a network's only input.

    Args:
        samples: ``[n, *shape]`` of each input, or of the only one.
        name: of an array's input.
    """
    return samples if isinstance(samples, Inputs) else Inputs({name: samples})


def out_of_range(spec: TensorSpec, array: Array) -> str:
    """Return which values of a sample's input cannot be, as what is no number; empty where all can.

    Args:
        spec: of the input.
        array: ``[*shape]``.
    """
    if not array.size or (spec.dtype == "uint8" and (spec.low, spec.high) == (0, 255)):
        return ""
    low, high = float(array.min()), float(array.max())
    if spec.low <= low <= high <= spec.high:
        return ""
    return f"{spec.name} from {low:g} to {high:g}: {spec.low:g} to {spec.high:g} is expected"


def describe(specs: Sequence[TensorSpec]) -> str:
    """Return what the inputs are: the shape of a single one, the name, type and shape of each of several.

    Args:
        specs: of the inputs.
    """
    if len(specs) == 1:
        return str(specs[0].shape)
    return ", ".join(f"{spec.name} {spec.dtype} {spec.shape}" for spec in specs)
