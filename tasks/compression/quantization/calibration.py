"""Choose calibration samples and how activation ranges are derived from them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.arrays import Array
from tasks.compression.technique import Context
from tasks.config import Settings
from tasks.errors import Unsuited
from tasks.samples import Inputs, concatenate, read_batches, read_dataset

SampleStream = Callable[[], Iterator[Inputs]]  # one sample at a time
Method = Literal["minmax", "percentile", "entropy", "mse"]
CHUNK = 1024
PERCENTILE = 99.99


class Calibration(Settings):
    """Training samples that ranges are measured on, and the method.

    .. code-block:: yaml

        calibration: {samples: 500, ranges: percentile, percentile: 99.99, balanced: true, seed: 7}
    """

    samples: Annotated[int, Field(ge=1, description="samples of the training split")] = 500
    ranges: Annotated[Method, Field(description="what of the values that are seen makes a range")] = "minmax"
    percentile: Annotated[float, Field(gt=50, le=100, description="of the values that a range holds at each end")] = (
        PERCENTILE
    )
    balanced: Annotated[bool, Field(description="as many of each class, as far as there are")] = False
    seed: Annotated[int | None, Field(ge=0, description="of the draw; null: the first in stored order")] = None


@dataclass(frozen=True)
class CalibrationSet:
    """Samples of the training split, their labels, and where they are in it."""

    inputs: Inputs
    labels: Array
    indices: NDArray[np.int64]

    def samples(self) -> SampleStream:
        """Return a function that yields the samples one after the other, as conversion takes them."""
        return lambda: iter(self.inputs)

    def details(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return what identifies the set, for the candidate's record."""
        counts = Counter(self.labels.tolist()) if classes else Counter[int]()
        per_class = {name: counts[index] for index, name in enumerate(classes)}
        return {
            "split": "train",
            "samples": len(self.inputs),
            **({"per_class": per_class} if classes else {}),
            "indices_sha256": hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest(),
            "inputs_sha256": hashlib.sha256(self.inputs.tobytes()).hexdigest(),
        }


def calibration_set(config: Calibration, context: Context) -> CalibrationSet:
    """Draw the samples; the same config and data give the same ones.

    Args:
        config: how many samples, and which.
        context: of the recipe.

    Returns:
        the samples, with labels and indices.

    Raises:
        Unsuited: balanced samples are asked for, and there are no classes.
    """
    if config.balanced and not class_names(context):
        raise Unsuited(
            "Expected classes for balanced calibration. Received: an outcome without them. Leave balanced out."
        )
    labels = _labels(context)
    indices = np.sort(draw(labels, config))
    parts, start = [], 0
    for inputs, _ in read_batches("train", CHUNK, context.prepared):
        inside = indices[(indices >= start) & (indices < start + len(inputs))]
        parts.append(inputs[inside - start])
        start += len(inputs)
        if start > indices[-1]:
            break
    return CalibrationSet(concatenate(parts), labels[indices], indices)


def _labels(context: Context) -> Array:
    """Return the label of each training sample, ``[n]``; zeros where targets are no classes."""
    if not class_names(context):
        return np.zeros(read_dataset(context.prepared).splits["train"].samples, np.int64)
    return np.concatenate([batch for _, batch in read_batches("train", CHUNK, context.prepared)])


def draw(labels: Array, config: Calibration) -> NDArray[np.int64]:
    """Return the indices of the samples: the first ones, or drawn by seed; with ``balanced`` class by class in turn.

    Args:
        labels: of the training split, ``[n]``.
        config: how many samples, and which.
    """
    order = np.arange(len(labels))
    if config.seed is not None:
        order = np.random.default_rng(config.seed).permutation(len(labels))
    if config.balanced:
        # the n-th sample of each class comes before the (n+1)-th of any
        drawn = labels[order]
        rounds = np.zeros(len(order), np.int64)
        for label in np.unique(drawn):
            rounds[drawn == label] = np.arange(np.count_nonzero(drawn == label))
        order = order[np.argsort(rounds, kind="stable")]
    return np.asarray(order[: config.samples], np.int64)


def class_names(context: Context) -> tuple[str, ...]:
    """Return the names of the prepared data's classes, in the order of the labels.

    Args:
        context: of the recipe.
    """
    return read_dataset(context.prepared).classes
