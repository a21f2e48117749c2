"""A workload and an outcome from outside of slimline's tree: how many stars a shop gets, from marks in a CSV file."""

# ruff: noqa: ARG002 - a protocol names more than each outcome looks at

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimline import (
    Answers,
    Augmentation,
    ConstantAnswer,
    DataError,
    Dataset,
    Example,
    Interval,
    Item,
    Metric,
    OutcomeMeasuring,
    Payload,
    Prediction,
    RawSample,
    RefusedSample,
    Settings,
    SourceFile,
    TakeFile,
    TensorSpec,
)

Array = NDArray[Any]
INFINITE = float("inf")
MARKS = 8  # of a shop, 0 … 255 each


def errors(answers: Answers) -> NDArray[np.float64]:
    """The distance of each answer from the stars, signed."""
    return answers.outputs[:, 0].astype(np.float64) - answers.targets


def of_mean(value: float, parts: NDArray[np.float64], confidence: float) -> Interval:
    """Student's interval of a mean of independent parts (Student, Biometrika 6 (1908) 1-25) around a value."""
    half = float(half_width(parts, len(parts), confidence))
    return Interval(value=value, low=value - half, high=value + half)


def half_width(parts: NDArray[np.float64], samples: int, confidence: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, samples - 1) * parts.std(ddof=1) / np.sqrt(samples))


class Rmse(Metric):
    """The root mean squared error; intervals by the delta method (A. W. van der Vaart, Asymptotic Statistics, 1998)."""

    name, label, superlative = "rmse", "RMSE", "nearest to the stars"
    less_is_better, most, digits, unit = True, INFINITE, 3, "stars"

    def value(self, answers: Answers) -> float:
        return float(np.sqrt(np.mean(errors(answers) ** 2)))

    def parts(self, answers: Answers) -> NDArray[np.float64]:
        """The share of each sample in the root of the mean, to the first order."""
        squares = errors(answers) ** 2
        return squares / (2 * max(float(np.sqrt(squares.mean())), 1e-12))

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        return of_mean(self.value(answers), self.parts(answers), confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        return of_mean(self.value(mine) - self.value(theirs), self.parts(mine) - self.parts(theirs), confidence)

    def constant(self, answers: Answers) -> float:
        return float(np.std(answers.targets))


class Mae(Metric):
    """The mean absolute error."""

    name, label = "mae", "MAE"
    less_is_better, most, digits, unit = True, INFINITE, 3, "stars"

    def value(self, answers: Answers) -> float:
        return float(np.abs(errors(answers)).mean())

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        return of_mean(self.value(answers), np.abs(errors(answers)), confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        parts = np.abs(errors(mine)) - np.abs(errors(theirs))
        return of_mean(float(parts.mean()), parts, confidence)

    def constant(self, answers: Answers) -> float:
        return float(np.abs(answers.targets - np.median(answers.targets)).mean())


class RatingPrediction(Prediction):
    value: float


class RatingsMeasuring(OutcomeMeasuring):
    metrics = (Rmse(), Mae())
    answer = "one number, the stars"
    output = "number of stars"

    def constants(self, answers: Answers, dataset: Dataset) -> Iterator[ConstantAnswer]:
        mean = float(np.mean(answers.targets))
        yield ConstantAnswer(
            f"{mean:.2f} stars", Answers(np.full((len(answers), 1), mean, np.float32), answers.targets)
        )

    def smallest_margin(self, mine: Answers, theirs: Answers, samples: int, confidence: float) -> float:
        return half_width(Rmse().parts(mine) - Rmse().parts(theirs), samples, confidence)

    def predict(self, file: str, output: NDArray[np.float32], labels: Sequence[str]) -> RatingPrediction:
        return RatingPrediction(file=file, label=f"{output[0]:.2f} stars", value=float(output[0]))

    def describe_task(self, sample: str, dataset: Dataset) -> str:
        return f"To tell how many stars {sample} gets."


class RatingsLearning:
    less_is_better = True

    def loss(self) -> Any:
        import tf_keras

        return tf_keras.losses.MeanSquaredError()

    def metric(self) -> Any:
        import tf_keras

        return tf_keras.metrics.RootMeanSquaredError(name="rmse")

    def each_loss(self, targets: Any, outputs: Any) -> Any:
        return (targets - outputs[:, 0]) ** 2

    def each_taught_loss(self, answers: Any, outputs: Any, temperature: float) -> Any:
        return (answers[:, 0] - outputs[:, 0]) ** 2 / temperature**2

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        square = float(np.mean((targets - outputs[:, 0].astype(np.float64)) ** 2))
        return square, float(np.sqrt(square))

    def same_answers(self, expected: Array, received: Array, error: Array) -> None:
        return None


class Ratings:
    name = "ratings"
    target = TensorSpec(name="stars", dtype="float32", shape=(), low=0, high=5)
    files: frozenset[str] = frozenset()
    learning, measuring = f"{__name__}:RatingsLearning", f"{__name__}:RatingsMeasuring"

    def outputs(self, dataset: Dataset) -> int:
        return 1

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:
        return ()

    def targets(self, labels: Sequence[str]) -> Mapping[str, float]:
        return {label: float(label) for label in labels}


class ShopSettings(Settings):
    """Nothing to turn."""


class Marks:
    inputs = (TensorSpec(name="marks", dtype="uint8", shape=(MARKS,), low=0, high=255),)

    def read(self, payload: Payload) -> Example:
        content = bytes(payload)
        split_hash = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
        return Example(split_hash, {"marks": np.frombuffer(content, np.uint8)})

    def tell(self, changes: Counter[str]) -> list[str]:
        return []


def take_lines(file: SourceFile) -> Iterator[Item]:
    """A file is many samples: a line is the stars and the marks of a shop."""
    for number, line in enumerate(file.read().decode().splitlines(), start=1):
        name = f"{file.path}:{number}"
        try:
            stars, *marks = map(float, line.split(","))
            yield RawSample(name, str(stars), None, np.array(marks, np.uint8).reshape(MARKS).tobytes())
        except ValueError as error:
            yield RefusedSample(name, str(error))


class ShopReading:
    layout = "<any>.csv"

    def take_file(self, settings: Settings) -> TakeFile:
        return take_lines

    def is_meant(self, path: str) -> bool:
        return True

    def reader(self, settings: ShopSettings, items: Iterator[Item]) -> tuple[Marks, Iterator[Item]]:
        return Marks(), items

    def ask(
        self, question: str | Path, inputs: tuple[TensorSpec, ...], assets: Mapping[str, bytes]
    ) -> Mapping[str, Array]:
        try:
            return {"marks": np.array(Path(question).read_text().split(","), np.uint8).reshape(MARKS)}
        except ValueError as error:
            raise DataError(f"Expected {question} to hold {MARKS} marks. Received: {error}.") from None


class ShopLearning:
    def networks(self) -> Mapping[str, Callable[..., Any]]:
        return {}

    def build(self, builder: Callable[..., Any], inputs: tuple[TensorSpec, ...], outputs: int, dropout: float) -> Any:
        return builder(inputs[0].shape, outputs)

    def augment(self, batch: Mapping[str, Any], settings: Augmentation, seed: Any) -> Mapping[str, Any]:
        return batch


class Shops:
    """The workload that params.yaml names as ratings:Shops."""

    name, thing, things = "shops", "shop", "shops"
    meaning: Mapping[str, str] = MappingProxyType({"marks": f"[batch, {MARKS}], marks from 0 to 255"})
    settings, augmentation, outcome = ShopSettings, Augmentation, Ratings()
    first_params: Sequence[str] = ()
    reading, learning = f"{__name__}:ShopReading", f"{__name__}:ShopLearning"

    def noise(self, inputs: tuple[TensorSpec, ...], count: int) -> Mapping[str, Array]:
        return {"marks": np.random.default_rng(0).integers(0, 256, (count, MARKS)).astype(np.uint8)}

    def describe(self, inputs: tuple[TensorSpec, ...]) -> str:
        return "a shop of eight marks"


def network(shape: tuple[int, ...], outputs: int) -> Any:
    """Build a network from marks to stars."""
    import tf_keras

    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            tf_keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(outputs),
        ]
    )
