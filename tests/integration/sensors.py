"""A workload from outside of slimline's tree: windows of an 8-bit sensor's readings, each a line of a CSV file."""

# ruff: noqa: ARG002 - a protocol names more than each workload looks at

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimline import (
    Augmentation,
    Classes,
    ClassFiles,
    DataError,
    Example,
    Item,
    Payload,
    Settings,
    TakeFile,
    TensorSpec,
    UnusableError,
)

Array = NDArray[Any]
FILES = ClassFiles("a file of readings", frozenset({"csv"}), 1 << 16)


class WindowSettings(Settings):
    """The input that a window is brought to."""

    length: int = 32  # readings; what is longer is cut


class WindowAugmentation(Augmentation):
    """Random changes of windows."""

    shift: int = 0  # readings, to either side


class Window:
    """Brings every window to one length."""

    def __init__(self, length: int) -> None:
        self.length = length

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec(name="readings", dtype="uint8", shape=(self.length, 1), low=0, high=255),)

    def read(self, payload: Payload) -> Example:
        assert isinstance(payload, bytes)
        try:
            readings = np.array([int(part) for part in payload.decode().split(",")])
        except ValueError as error:
            raise UnusableError(f"no line of whole numbers: {error}") from None
        if len(readings) < self.length or readings.min() < 0 or readings.max() > 255:
            raise UnusableError(f"expected {self.length} readings from 0 to 255")
        window = readings[: self.length].astype(np.uint8).reshape(self.length, 1)
        split_hash = int.from_bytes(hashlib.blake2b(window.tobytes(), digest_size=8).digest(), "little")
        return Example(split_hash, {"readings": window}, ("cut",) if len(readings) > self.length else ())

    def tell(self, changes: Counter[str]) -> list[str]:
        return [f"{changes['cut']:,} windows were cut to {self.length} readings."] if changes["cut"] else []


class SensorReading:
    layout = "<class>/<file>.csv"

    def take_file(self, settings: Settings) -> TakeFile:
        return FILES.take

    def is_meant(self, path: str) -> bool:
        return FILES.claims(path)

    def reader(self, settings: WindowSettings, items: Iterator[Item]) -> tuple[Window, Iterator[Item]]:
        return Window(settings.length), items

    def ask(
        self, question: str | Path, inputs: tuple[TensorSpec, ...], assets: Mapping[str, bytes]
    ) -> Mapping[str, Array]:
        (spec,) = inputs
        try:
            return Window(spec.shape[0]).read(Path(question).read_bytes()).inputs
        except (OSError, UnusableError) as error:
            raise DataError(f"Expected {question} to hold readings. Received: {error}.") from None


class SensorLearning:
    def networks(self) -> Mapping[str, Callable[..., Any]]:
        return {}

    def build(self, builder: Callable[..., Any], inputs: tuple[TensorSpec, ...], outputs: int, dropout: float) -> Any:
        return builder(inputs[0].shape, outputs, dropout)

    def augment(self, batch: Mapping[str, Any], settings: WindowAugmentation, seed: Any) -> Mapping[str, Any]:
        import tensorflow as tf

        shift = tf.random.stateless_uniform([], seed, -settings.shift, settings.shift + 1, tf.int32)
        return {name: tf.roll(windows, shift, axis=1) for name, windows in batch.items()}


class Sensors:
    """The workload that params.yaml names as sensors:Sensors."""

    name, thing, things = "sensors", "window", "windows"
    meaning: Mapping[str, str] = MappingProxyType({"readings": "[batch, readings, 1], 8 bits each, the oldest first"})
    settings, augmentation, outcome = WindowSettings, WindowAugmentation, Classes()
    first_params: Sequence[str] = ()
    reading, learning = "sensors:SensorReading", "sensors:SensorLearning"

    def noise(self, inputs: tuple[TensorSpec, ...], count: int) -> Mapping[str, Array]:
        (spec,) = inputs
        return {spec.name: np.random.default_rng(0).integers(0, 256, (count, *spec.shape), np.uint8)}

    def describe(self, inputs: tuple[TensorSpec, ...]) -> str:
        return f"a window of {inputs[0].shape[0]} readings"


def network(shape: tuple[int, ...], classes: int, dropout: float) -> Any:
    """Build a network for windows."""
    import tf_keras

    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            tf_keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Reshape((1, *shape)),
            layers.Conv2D(8, (1, 5), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(classes),
        ]
    )
