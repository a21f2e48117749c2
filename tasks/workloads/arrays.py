"""Arrays of a program as a workload: named inputs as they are, and the numbers or names of classes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.samples import Specs
from tasks.settings import Settings
from tasks.workloads.outcomes.classes import Classes
from tasks.workloads.protocol import Array, Augmentation, Builder

if TYPE_CHECKING:
    from tasks.backend import KerasModel, TfTensor


class ArraySettings(Settings):
    """Nothing to set: arrays are what they are."""


class ArrayLearning:
    """Learning of arrays, for training: they are not changed, and their network is there already."""

    def networks(self) -> Mapping[str, Builder]:
        """Return no networks."""
        return {}

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> "KerasModel":
        """Call ``builder(inputs, outputs, dropout)``."""
        return builder(inputs, outputs, dropout)

    def augment(self, batch: Mapping[str, "TfTensor"], settings: Any, seed: "TfTensor") -> Mapping[str, "TfTensor"]:  # noqa: ARG002
        """Return the batch as it is."""
        return batch


class Arrays:
    """Arrays in memory, which :func:`slimline.compress` is given; no source is read as them, and no device asks."""

    name = "arrays"
    thing = "sample"
    things = "samples"
    meaning: Mapping[str, str] = {}
    settings = ArraySettings
    augmentation = Augmentation
    outcome = Classes()
    first_params: Sequence[str] = ()
    reading = ""
    learning = f"{__name__}:ArrayLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Make up samples of the least and the largest values in turn."""
        turns = np.arange(count) % 2
        return {
            spec.name: np.stack([np.full(spec.shape, spec.high if turn else spec.low, spec.dtype) for turn in turns])
            for spec in inputs
        }

    def describe(self, inputs: Specs) -> str:
        """Name the inputs."""
        return f"a sample of {', '.join(spec.name for spec in inputs)}"


WORKLOAD = f"{__name__}:{Arrays.__name__}"  # as params.yaml would name it
