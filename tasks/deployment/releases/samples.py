"""Recorded samples: images and what the model said about them when it was released.

They travel with the release, so that whoever fetches it can see whether it still says the same. By default they are
noise: nobody's data leaves the house with a model.
"""

import base64
from typing import Annotated

import numpy as np
from pydantic import Field

from tasks.config import Smoke
from tasks.errors import ReleaseError
from tasks.litert import LiteRTModel, Pixels, Scores, cpu_name, runtime_name
from tasks.records import Record
from tasks.samples import read_batches

MAX_BYTES = 4 << 20  # of all images of a release
TOLERANCE = 1e-3  # of the largest score, on another processor or runtime than the recording's


class Samples(Record):
    """Images and scores, base64 of their bytes in C order, little-endian, and where they were recorded."""

    shape: tuple[Annotated[int, Field(ge=1)], ...]  # of the images: [n, height, width, channels]
    images: str  # uint8
    scores: str  # float32 [n, classes], dequantized
    cpu: str
    runtime: str


def record(model: LiteRTModel, config: Smoke) -> Samples:
    """Ask a model about a few images and write both down."""
    images = choose(config, model.input.shape[1:])
    return Samples(
        shape=images.shape,
        images=base64.b64encode(images.tobytes()).decode(),
        scores=base64.b64encode(model.predict(images).astype("<f4").tobytes()).decode(),
        cpu=cpu_name(),
        runtime=runtime_name(),
    )


def choose(config: Smoke, shape: tuple[int, ...]) -> Pixels:
    """Images to record, uint8 ``[n, *shape]``: noise from black to ever brighter, or the first of validation."""
    count = max(1, min(config.samples, MAX_BYTES // int(np.prod(shape))))
    if config.of == "validation":
        for images, _ in read_batches("validation", count):
            return images
    noise = np.random.default_rng(0).random((count, *shape))
    brightness = np.arange(1, count + 1).reshape(-1, *[1] * len(shape)) / count
    return np.asarray(noise * brightness * 256, np.uint8)


def replay(model: LiteRTModel, samples: Samples) -> int:
    """Ask a model again; gives the number of samples.

    On the processor and the runtime of the recording every score must be equal to the bit. Elsewhere other kernels may
    round otherwise: scores must be within a thousandth of the largest one or within one step of a quantized output.

    Raises:
        ReleaseError: it says something else, or the samples are damaged.
        EvaluationError: the samples do not fit the model.
    """
    try:
        images = np.frombuffer(base64.b64decode(samples.images, validate=True), np.uint8).reshape(samples.shape)
        expected = np.frombuffer(base64.b64decode(samples.scores, validate=True), "<f4").reshape(len(images), -1)
    except ValueError as error:
        raise ReleaseError(
            f"Expected recorded images of the shape {samples.shape} and scores. Received: {error}. Publish again."
        ) from None
    received = model.predict(images)
    same_place = (samples.cpu, samples.runtime) == (cpu_name(), runtime_name())
    if not _agree(received, expected, 0.0 if same_place else max(TOLERANCE * _largest(expected), model.output.scale)):
        raise ReleaseError(
            f"Expected the model to give the {len(images)} recorded answers. Received: others"
            f"{_difference(received, expected)}. This release does not work here: do not use it."
        )
    return len(images)


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
