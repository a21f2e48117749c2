"""Sparsity that rises while a network is trained, along the cubic curve of Zhu and Gupta 2017 (arXiv:1710.01878)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.backend import TfTensor, keras, tensorflow
from tasks.compression.sparsity.patterns import Pattern, choose
from tasks.compression.tfmot import tfmot
from tasks.compression.weights import Weight

RAMP = 0.7  # share of the steps after which a polynomial schedule has reached the final sparsity
UPDATES = 20  # times the masks are chosen anew within the ramp


@dataclass(frozen=True)
class Ramp:
    """The rise of a weight's sparsity over a training of so many ``steps``."""

    kind: Literal["polynomial", "constant"]
    final: float
    steps: int

    @property
    def every(self) -> int:
        """Steps between two choices of what is zero."""
        return max(1, max(1, int(self.steps * RAMP)) // UPDATES)

    @property
    def end(self) -> int:
        """The step of the last choice, a multiple of :attr:`every`, since the last one has to be final."""
        ramp = max(1, int(self.steps * RAMP))
        return ramp - ramp % self.every

    def schedule(self, present: float) -> Any:
        """Return TFMOT's schedule of a weight that has a sparsity of ``present``, which it does not fall below.

        Args:
            present: the sparsity of the weight as it is.
        """
        schedules, final = tfmot().sparsity.keras, max(self.final, present)
        if self.kind == "constant":
            return schedules.ConstantSparsity(final, begin_step=0, end_step=self.steps, frequency=self.every)
        return schedules.PolynomialDecay(present, final, begin_step=0, end_step=self.end, frequency=self.every)

    def sparsity(self, step: int, present: float) -> float | None:
        """Return the same schedule's sparsity at a step; None at those at which nothing is chosen anew.

        Args:
            step: of the optimizer, from 1.
            present: the sparsity of the weight at the beginning.
        """
        final, end = max(self.final, present), self.steps if self.kind == "constant" else self.end
        if step % self.every or step > end:
            return None
        return final if self.kind == "constant" else final + (present - final) * (1 - step / end) ** 3


def pruning_gradually(weights: Sequence[Weight], ramp: Ramp, pattern: Pattern) -> object:
    """Return a Keras callback that sets the smallest entries of weights to zero, more and more of them.

    Training leaves them zero. What is zero can be read off the weights, so that a training that was interrupted goes on
    as if it had not been.

    Args:
        weights: that are pruned.
        ramp: how the sparsity rises.
        pattern: of the zeros.
    """
    gradual = [_Gradual(weight, ramp, pattern) for weight in weights]

    class Gradually(keras().callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            for each in gradual:
                each.take_up()

        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            step = int(self.model.optimizer.iterations) + 1  # TFMOT counts from 1
            for each in gradual:
                each.prune(step)

    return Gradually()


class _Gradual:
    """A weight, which of its entries stay, and its sparsity before the training."""

    def __init__(self, weight: Weight, ramp: Ramp, pattern: Pattern) -> None:
        self._weight, self._ramp, self._pattern = weight, ramp, pattern
        self._present = weight.sparsity()
        self._stay = tensorflow().Variable(weight.values() != 0, dtype=weight.variable.dtype, trainable=False)
        # Keras optimizers apply a variable's own constraint; set here, it is no part of the layer's config
        weight.variable._constraint = self._hold

    def _hold(self, values: TfTensor) -> TfTensor:
        return values * self._stay

    def take_up(self) -> None:
        self._set(self._weight.values() != 0)

    def prune(self, step: int) -> None:
        sparsity = self._ramp.sparsity(step, self._present)
        if sparsity is None:
            return
        values = self._weight.values()
        score = self._weight.oriented(np.where(values == 0, -1.0, np.abs(values)))
        stay = self._weight.restored(choose({"": score}, sparsity, self._pattern, "uniform")[""])
        self._weight.assign(values * stay)
        self._set(stay)

    def _set(self, stay: NDArray[np.bool_]) -> None:
        self._stay.assign(stay.astype(self._weight.variable.dtype.as_numpy_dtype))
