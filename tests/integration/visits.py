"""A workload of two inputs from outside of slimline's tree: visits of a shop, each a line of a CSV file.

A line is the label, the numbers of the last four pages and three amounts, as ``buys,3,17,2,0,0.5,-1.25,0.1``.
"""

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
    DataError,
    Example,
    Item,
    Payload,
    RawSample,
    Settings,
    SourceFile,
    TakeFile,
    TensorSpec,
    UnusableError,
)

Array = NDArray[Any]
Specs = tuple[TensorSpec, ...]
PAGES, LAST, AMOUNTS = 20, 4, 3


class VisitSettings(Settings):
    """Nothing to turn."""


class VisitAugmentation(Augmentation):
    """Random changes of visits."""

    jitter: float = 0.0  # of the amounts


class Visits:
    """Reads the part of a line behind the label."""

    inputs = (
        TensorSpec(name="pages", dtype="int32", shape=(LAST,), low=0, high=PAGES - 1),
        TensorSpec(name="amounts", dtype="float32", shape=(AMOUNTS,), low=-8, high=8),
    )

    def read(self, payload: Payload) -> Example:
        assert isinstance(payload, bytes)
        try:
            cells = payload.decode().strip().split(",")
            pages = np.array([int(cell) for cell in cells[:LAST]], np.int32).reshape(LAST)
            amounts = np.array([float(cell) for cell in cells[LAST:]], np.float32).reshape(AMOUNTS)
        except ValueError as error:
            raise UnusableError(f"no visit: {error}") from None
        digest = hashlib.blake2b(pages.tobytes() + amounts.tobytes(), digest_size=8).digest()
        return Example(int.from_bytes(digest, "little"), {"amounts": amounts, "pages": pages})

    def tell(self, changes: Counter[str]) -> list[str]:
        return []


def take_lines(file: SourceFile) -> Iterator[Item]:
    """A file is many samples."""
    for number, line in enumerate(file.read().decode().splitlines(), start=1):
        label, _, rest = line.partition(",")
        yield RawSample(f"{file.path}:{number}", label, None, rest.encode())


class VisitReading:
    layout = "<any>.csv"

    def take_file(self, settings: Settings) -> TakeFile:
        return take_lines

    def is_meant(self, path: str) -> bool:
        return path.endswith(".csv")

    def reader(self, settings: VisitSettings, items: Iterator[Item]) -> tuple[Visits, Iterator[Item]]:
        return Visits(), items

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:
        try:
            return Visits().read(Path(question).read_bytes()).inputs
        except (OSError, UnusableError) as error:
            raise DataError(f"Expected {question} to hold a visit. Received: {error}.") from None


class VisitLearning:
    def networks(self) -> Mapping[str, Callable[..., Any]]:
        return {}

    def build(self, builder: Callable[..., Any], inputs: Specs, outputs: int, dropout: float) -> Any:
        return builder(inputs, outputs)

    def augment(self, batch: Mapping[str, Any], settings: VisitAugmentation, seed: Any) -> Mapping[str, Any]:
        import tensorflow as tf

        noise = tf.random.stateless_normal(tf.shape(batch["amounts"]), seed, 0.0, settings.jitter)
        return {**batch, "amounts": batch["amounts"] + noise}


class Shop:
    """The workload that params.yaml names as visits:Shop."""

    name, thing, things = "visits", "visit", "visits"
    meaning: Mapping[str, str] = MappingProxyType(
        {
            "pages": f"[batch, {LAST}], numbers of pages, the last one first",
            "amounts": f"[batch, {AMOUNTS}], as measured",
        }
    )
    settings, augmentation, outcome = VisitSettings, VisitAugmentation, Classes()
    first_params: Sequence[str] = ()
    reading, learning = f"{__name__}:VisitReading", f"{__name__}:VisitLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        rng = np.random.default_rng(0)
        return {
            "pages": rng.integers(0, PAGES, (count, LAST)).astype(np.int32),
            "amounts": rng.normal(size=(count, AMOUNTS)).astype(np.float32),
        }

    def describe(self, inputs: Specs) -> str:
        return f"a visit of {LAST} pages"


def network(inputs: Specs, classes: int) -> Any:
    """Build a network from pages and amounts to logits."""
    import tf_keras

    layers = tf_keras.layers
    pages, amounts = (tf_keras.Input(spec.shape, dtype=spec.dtype, name=spec.name) for spec in inputs)
    seen = layers.Flatten()(layers.Embedding(PAGES, 8, name="table")(pages))
    signal = layers.Concatenate()([seen, layers.Dense(16, activation="relu", name="measured")(amounts)])
    signal = layers.Dense(48, activation="relu", name="joined")(signal)
    return tf_keras.Model([pages, amounts], layers.Dense(classes, name="logits")(signal), name="visits")


def write_visits(folder: Path, count: int) -> None:
    """Visits and whether they end with a purchase: those with pages of high numbers, or large amounts together, do."""
    rng = np.random.default_rng(1)
    pages, amounts = rng.integers(0, PAGES, (count, LAST)), np.clip(rng.normal(size=(count, AMOUNTS)), -7.5, 7.5)
    buys = pages.mean(axis=1) / PAGES + 0.4 * amounts.sum(axis=1) + rng.normal(0, 0.05, count) > 0.5
    lines = [
        ",".join(["buys" if each else "leaves", *map(str, numbers), *(f"{amount:.4f}" for amount in measured)])
        for each, numbers, measured in zip(buys, pages.tolist(), amounts.tolist(), strict=True)
    ]
    folder.mkdir(parents=True)
    for number in range(4):
        (folder / f"{number}.csv").write_text("\n".join(lines[number::4]) + "\n")
