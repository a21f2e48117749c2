"""Learning of predicted numbers."""

from typing import Any

import numpy as np

from tasks.backend import TfTensor, keras, tensorflow
from tasks.workloads.outcomes.numbers.metrics import Rmse
from tasks.workloads.outcomes.numbers.targets import taken_apart
from tasks.workloads.protocol import Array


class NumbersLearning:
    """The squared error of what is known, the mean over a sample's items.

    Targets are float32 ``[n, 2 · room]``, outputs ``[n, 1 + items]``.
    """

    less_is_better = True

    def loss(self) -> Any:
        """Return :meth:`each_loss` as a Keras loss."""
        return _as_loss(self)

    def metric(self) -> Any:
        """Return the root mean squared error over all items as a Keras metric."""
        return _metric()

    def each_loss(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return the mean squared error over the items of a sample; 0 where there are none."""
        tf = tensorflow()
        squares, count = _squares(targets, outputs)
        return squares / tf.maximum(count, 1.0)

    def each_taught_loss(self, answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
        """Return the mean squared distance from a teacher's numbers, over all items."""
        tf = tensorflow()
        return tf.reduce_mean(tf.square(tf.cast(answers, tf.float32) - outputs), axis=-1) / temperature**2

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        """Return the mean loss, and the root mean squared error over all items."""
        places, values, there = taken_apart(targets)
        squares = np.square(np.take_along_axis(outputs.astype(np.float64), places, axis=1) - values) * there
        counts = there.sum(axis=1)
        losses = squares.sum(axis=1) / np.maximum(counts, 1)
        return float(losses.mean()), float(np.sqrt(squares.sum() / max(1, counts.sum())))

    def same_answers(self, expected: Array, received: Array, error: Array) -> None:  # noqa: ARG002
        """Return None: numbers are compared as such."""
        return


def _squares(targets: TfTensor, outputs: TfTensor) -> tuple[TfTensor, TfTensor]:
    """Return the sum of squared errors of each sample, and over how many items."""
    tf = tensorflow()
    targets, outputs = tf.cast(targets, tf.float32), tf.cast(outputs, tf.float32)
    rows = tf.cast(targets[:, 0::2], tf.int32)
    there = tf.cast(rows > 0, tf.float32)
    found = tf.gather(outputs, tf.maximum(rows - 1, 0), batch_dims=1)
    return tf.reduce_sum(there * tf.square(found - targets[:, 1::2]), axis=1), tf.reduce_sum(there, axis=1)


def _as_loss(outcome: NumbersLearning) -> Any:
    class SquaredError(keras().losses.Loss):  # type: ignore[misc]
        def call(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
            return outcome.each_loss(targets, outputs)

    return SquaredError(name="squared_error")


def _metric() -> Any:
    class RootMeanSquaredError(keras().metrics.Metric):  # type: ignore[misc]
        def __init__(self, name: str = Rmse.name, **more: Any) -> None:
            super().__init__(name=name, **more)
            self.squares = self.add_weight(name="squares", initializer="zeros", dtype="float32")
            self.count = self.add_weight(name="count", initializer="zeros", dtype="float32")

        def update_state(self, targets: TfTensor, outputs: TfTensor, sample_weight: TfTensor | None = None) -> None:  # noqa: ARG002
            squares, count = _squares(targets, outputs)
            self.squares.assign_add(tensorflow().reduce_sum(squares))
            self.count.assign_add(tensorflow().reduce_sum(count))

        def result(self) -> TfTensor:
            tf = tensorflow()
            return tf.sqrt(self.squares / tf.maximum(self.count, 1.0))

    return RootMeanSquaredError()
