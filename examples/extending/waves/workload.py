"""Windows of an 8-bit sensor's readings as a workload."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import numpy as np
from pydantic import Field

from tasks.samples import Specs
from tasks.settings import Settings
from tasks.workloads.outcomes.classes import Classes
from tasks.workloads.protocol import Array, Augmentation

READINGS = "readings"  # the name of the only input


class WaveSettings(Settings):
    """The form that a window is brought to."""

    length: Annotated[int, Field(ge=8, le=4096, description="readings of a window, 8 to 4096; longer ones are cut")] = (
        32
    )


class WaveAugmentation(Augmentation):
    """Random changes of windows; 0 leaves them as they are."""

    shift: Annotated[int, Field(ge=0, description="readings by which a window moves at most, around its end")] = 0


class Waves:
    """Files of readings in class folders; models take raw readings, uint8."""

    name = "waves"
    thing = "window"
    things = "windows"
    meaning: Mapping[str, str] = MappingProxyType({READINGS: "[batch, readings, 1], 8 bits each, the oldest first"})
    settings = WaveSettings
    augmentation = WaveAugmentation
    outcome = Classes()
    first_params: Sequence[str] = ("training.epochs=20",)
    reading = "tasks.workloads.waves.reading:WaveReading"
    learning = "tasks.workloads.waves.learning:WaveLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Make up windows of noise."""
        (spec,) = inputs
        return {spec.name: np.random.default_rng(0).integers(0, 256, (count, *spec.shape), np.uint8)}

    def describe(self, inputs: Specs) -> str:
        """Say how long a window is."""
        return f"a window of {inputs[0].shape[0]} readings"
