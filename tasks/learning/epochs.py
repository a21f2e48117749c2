"""The epochs of a training: a row for each, the weights of the best one, and when to stop."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasModel
from tasks.files import whole_file, write_text

Row = dict[str, float]  # one epoch: loss and metric, both on validation too, and seconds


class Epochs:
    """The epochs so far.

    Args:
        metric: the name of the one by which an epoch is the best, on validation.
        less_is_better: whether less of it is better.
        patience: epochs without a better one after which training stops; None: it does not.
        state: a folder where rows and the best weights are kept for a training that goes on; None: nowhere.
    """

    def __init__(self, metric: str, less_is_better: bool, patience: int | None, state: Path | None) -> None:
        self.metric, self._sign, self._patience, self._state = metric, 1 if less_is_better else -1, patience, state
        self.rows: list[Row] = []
        self.weights: list[Array] | None = None

    def take_up(self, count: int) -> None:
        """Read the first ``count`` epochs of an earlier training, and the best weights of them."""
        if self._state:
            self.rows = json.loads((self._state / "rows.json").read_text())[:count]
            with np.load(self._state / "best.npz") as file:
                self.weights = [file[name] for name in file.files]

    def best(self) -> int:
        """Index of the best epoch: by the metric on validation, then the lowest loss, then the earliest."""
        order = [(self._sign * row[f"validation_{self.metric}"], row["validation_loss"]) for row in self.rows]
        return order.index(min(order))

    def stopped(self) -> bool:
        """Return whether patience has ended."""
        return bool(self.rows) and self._patience is not None and len(self.rows) - 1 - self.best() >= self._patience

    def add(self, row: Row, weights: Callable[[], list[Array]]) -> None:
        """Add an epoch; ``weights`` are asked for where it is the best so far."""
        self.rows.append(row)
        if self.best() == len(self.rows) - 1:
            self.weights = weights()
            if self._state:
                with whole_file(self._state / "best.npz") as path:
                    np.savez(path, *self.weights)
        if self._state:
            write_text(self._state / "rows.json", json.dumps(self.rows))

    def restore(self, model: KerasModel) -> int:
        """Give a model the best weights; return their epoch, from 1, the last one where there are none."""
        if self.weights is None:
            return len(self.rows)
        model.set_weights(self.weights)
        return self.best() + 1
