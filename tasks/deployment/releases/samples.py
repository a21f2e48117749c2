"""Recorded samples: inputs, and what the model said about them when it was released.

They travel with the release, so that whoever fetches it can see whether it still says the same. By default they are
noise: nobody's data leaves the house with a model.
"""

import base64
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, model_validator

from tasks.arrays import Array
from tasks.config import Smoke
from tasks.errors import ReleaseError
from tasks.evaluation.asking import batches
from tasks.litert import LiteRTModel, Scores, cpu_name, runtime_name
from tasks.records import Record
from tasks.samples import Dataset, Inputs, read_batches, size_of
from tasks.workloads import find_workload, unnamed

MAX_BYTES = 4 << 20  # of all samples of a release
TOLERANCE = 1e-3  # of the largest score, on another processor or runtime than the recording's


class Recorded(Record):
    """An array; of format 1 the shape of the outputs was not written: what is left of ``[n, -1]``."""

    dtype: Literal["uint8", "int32", "int64", "float32"]
    shape: tuple[Annotated[int, Field(ge=1)], ...] | None
    content: str

    @classmethod
    def of(cls, array: Array) -> Self:
        """Record an array."""
        little = array.astype(array.dtype.newbyteorder("<"))
        content = base64.b64encode(little.tobytes()).decode()
        return cls(dtype=array.dtype.name, shape=array.shape, content=content)

    def array(self, count: int | None = None) -> Array:
        """Return the array.

        Args:
            count: of samples, where the shape was not written.

        Raises:
            ValueError: the content is not what it should be.
        """
        values = np.frombuffer(base64.b64decode(self.content, validate=True), np.dtype(self.dtype).newbyteorder("<"))
        return values.reshape(self.shape or (count or 0, -1))


class Samples(Record):
    """Inputs and outputs, base64 of their bytes in C order, little-endian, and where they were recorded."""

    format: Literal[2] = 2
    inputs: dict[str, Recorded]  # [n, …] by name
    outputs: Recorded  # [n, …], dequantized
    cpu: str
    runtime: str

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, values: Any, info: ValidationInfo) -> Any:
        """Read what names no format as records of format 1: images alone, without names."""
        if info.mode != "json" or not isinstance(values, dict) or "format" in values:
            return values
        images = {"dtype": "uint8", "shape": values.get("shape"), "content": values.get("images")}
        scores = {"dtype": "float32", "shape": None, "content": values.get("scores")}
        return {
            "format": 2,
            "inputs": {unnamed.INPUT: images},
            "outputs": scores,
            **{key: values.get(key) for key in ("cpu", "runtime")},
        }


def record(model: LiteRTModel, config: Smoke, dataset: Dataset, path: Path | None = None) -> Samples:
    """Ask a model about a few samples and write both down.

    Args:
        model: the released one, open.
        config: which samples, and how many.
        dataset: what the model was trained on.
        path: of the model's file, beside which its own vocabulary may lie.

    Returns:
        the samples and the answers.
    """
    samples = choose(config, dataset, path)
    return Samples(
        inputs={name: Recorded.of(array) for name, array in samples.arrays.items()},
        outputs=Recorded.of(model.predict(samples)),
        cpu=cpu_name(),
        runtime=runtime_name(),
    )


def choose(config: Smoke, dataset: Dataset, path: Path | None = None) -> Inputs:
    """Choose samples to record: made up by the workload, or the first of validation as the model takes them.

    Args:
        config: which samples, and how many.
        dataset: what the model was trained on.
        path: of the model's file; None: samples are taken as they were prepared.

    Returns:
        fewer than were asked for where so many would be too large.
    """
    count = max(1, min(config.samples, MAX_BYTES // size_of(dataset.inputs)))
    if config.of == "validation":
        if path is None:
            of_split = (samples for samples, _ in read_batches("validation", count))
        else:
            of_split = (asked.taken for asked in batches(path, dataset, "validation", count))
        for samples in of_split:
            return samples
    return Inputs(find_workload(dataset.workload).noise(dataset.inputs, count))


def replay(model: LiteRTModel, samples: Samples) -> int:
    """Ask a model its recorded samples again.

    On the processor and the runtime of the recording every score must be equal to the bit. Elsewhere other kernels may
    round otherwise: scores must be within a thousandth of the largest one or within one step of a quantized output.

    Args:
        model: fetched, and open.
        samples: that were recorded at the release.

    Returns:
        the number of samples.

    Raises:
        ReleaseError: it says something else, or the samples are damaged.
        EvaluationError: the samples do not fit the model.
    """
    try:
        inputs = Inputs({name: recorded.array() for name, recorded in samples.inputs.items()})
        expected = samples.outputs.array(len(inputs)).reshape(len(inputs), -1)
    except (ValueError, TypeError) as error:
        raise ReleaseError(f"Expected recorded samples that are whole. Received: {error}. Publish again.") from None
    received = model.predict(inputs)
    same_place = (samples.cpu, samples.runtime) == (cpu_name(), runtime_name())
    if not _agree(received, expected, 0.0 if same_place else max(TOLERANCE * _largest(expected), model.output.scale)):
        raise ReleaseError(
            f"Expected the model to give the {len(inputs)} recorded answers. Received: others"
            f"{_difference(received, expected)}. This release does not work here: do not use it."
        )
    return len(inputs)


def _agree(received: Scores, expected: Scores, tolerance: float) -> bool:
    if received.shape != expected.shape:
        return False
    if not tolerance:
        return received.tobytes() == expected.tobytes()
    return bool(np.all(np.abs(received - expected) <= tolerance))


def _largest(scores: Scores) -> float:
    return float(np.max(np.abs(scores), initial=0.0))


def _difference(received: Scores, expected: Scores) -> str:
    if received.shape != expected.shape:
        return f" of the shape {received.shape} instead of {expected.shape}"
    return f", up to {_largest(received - expected):g} away"
