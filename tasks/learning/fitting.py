"""One way to fit a model: seeded batches, one line an epoch, the best weights kept, resumed after a crash."""

import contextlib
import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import KerasModel, TfDataset, keras, tensorflow
from tasks.config import Network, Precision
from tasks.files import whole_file, write_text
from tasks.learning.distillation import Teacher
from tasks.learning.hints import Hints
from tasks.learning.normalization import following_averages
from tasks.learning.pipeline import evaluation_batches, steps_per_epoch, training_batches
from tasks.learning.precision import in_precision
from tasks.learning.saving import weights_digest
from tasks.learning.teacher_cache import TeacherCache, cache_folder, taught_batches
from tasks.samples import PREPARED, Dataset, read_dataset
from tasks.workloads import outcome_of
from tasks.workloads.protocol import Augmentation, OutcomeLearning, OutcomeSettings

Row = dict[str, float]  # one epoch


@dataclass(frozen=True)
class Plan:
    """The way in which a model is fitted."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    schedule: str = "constant"
    augmentation: Augmentation = field(default_factory=Augmentation)
    patience: int | None = None
    keep_best: bool = True  # of all epochs by the outcome's metric on validation; otherwise the last weights stay
    teacher: Teacher | Hints | None = None  # who is learned from beside the targets
    precision: Precision = "float32"
    outcome: OutcomeSettings | None = None  # of the loss and of the metric
    code: str = ""  # digest of the code that carries it out: what other code has begun is not gone on with

    @classmethod
    def of(
        cls, network: Network, batch_size: int, seed: int, code: str = "", outcome: OutcomeSettings | None = None
    ) -> "Plan":
        """The plan that a network's settings name."""
        return cls(
            epochs=network.epochs,
            batch_size=batch_size,
            learning_rate=network.learning_rate,
            seed=seed,
            schedule=network.schedule,
            augmentation=network.augmentation,
            patience=network.patience,
            precision=network.precision,
            outcome=outcome,
            code=code,
        )

    def digest(self, model: KerasModel, folder: Path = PREPARED) -> str:
        """Return what identifies this work: the same plan, network, first weights and data give the same digest.

        Args:
            model: the network, with its first weights.
            folder: of the prepared data.
        """
        work = repr((self, model.to_json(), weights_digest(model), read_dataset(folder).model_dump_json()))
        return hashlib.sha256(work.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Fitted:
    """The course of a training: a row an epoch, the metric by which the best was found, and whose weights remain.

    A row has ``loss``, the metric, both with ``validation_`` before them, and ``seconds``. ``best_epoch`` counts from
    1.
    """

    rows: tuple[Row, ...]
    metric: str
    best_epoch: int

    @property
    def metrics(self) -> dict[str, float]:
        """The metric of the kept weights on validation, by its name."""
        return {self.metric: self.rows[self.best_epoch - 1][f"validation_{self.metric}"]}


def compile_model(model: KerasModel, plan: Plan, steps: int, outcome: OutcomeLearning, numbers: int = 0) -> None:
    """Compile with Adam and the outcome's loss, with a teacher also the distance from the teacher's answers.

    Args:
        model: the network.
        plan: of the training.
        steps: of an epoch, which the learning rate's schedule is made of.
        outcome: whose loss it is.
        numbers: of a target; 0 where it is a single number without an axis.
    """
    tf_keras = keras()
    rate: Any = plan.learning_rate
    if plan.schedule == "cosine":
        rate = tf_keras.optimizers.schedules.CosineDecay(rate, plan.epochs * steps)
    loss, metric = outcome.loss(), outcome.metric()
    if plan.teacher:
        loss, metric = plan.teacher.loss(outcome, numbers), plan.teacher.metric(outcome, numbers)
    model.compile(optimizer=tf_keras.optimizers.Adam(rate), loss=loss, metrics=[metric])
    # were its variables made in the first step, TensorFlow would trace that step twice
    model.optimizer.build(model.trainable_variables)


def numbers_of(dataset: Dataset) -> int:
    """Return how many numbers a target has; 0 where it is a single number without an axis.

    Args:
        dataset: what was prepared.
    """
    return math.prod(dataset.target.shape) if dataset.target.shape else 0


def fit(
    model: KerasModel,
    plan: Plan,
    folder: Path = PREPARED,
    backup: Path | None = None,
    callbacks: Sequence[Any] = (),
    say: Callable[[str], None] = print,
    cache: Path | None = None,
) -> Fitted:
    """Fit ``model`` in place to the prepared training split.

    Args:
        model: from a workload's inputs (as float32) to an outcome's outputs.
        plan: how.
        folder: the prepared data.
        backup: a folder where the state after each epoch is kept; a later call with the same plan, model and data goes
            on there. It is removed at the end.
        callbacks: further Keras callbacks, run after the state was kept or taken up again.
        say: gets one line an epoch.
        cache: a folder where a teacher's answers are kept for later trainings; without one they are forgotten.

    Returns:
        the course of the training, as computed in the plan's precision; the model, which stays in its own, has the
        weights of ``best_epoch``.
    """
    dataset = read_dataset(folder)
    steps = steps_per_epoch(dataset, plan.batch_size)
    state = backup / plan.digest(model, folder) if backup else None
    first = _finished_epochs(state)
    working = in_precision(model, plan.precision)
    outcome = outcome_of(folder, plan.outcome)
    compile_model(working, plan, steps, outcome, numbers_of(dataset))
    course = _Course(plan, outcome, state, first, say)
    resume = [keras().callbacks.BackupAndRestore(str(state / "keras"))] if state else []
    if first < plan.epochs and not course.stopped():
        with _batches(plan, first, folder, cache, say) as batches, following_averages(working, steps):
            working.fit(
                batches,
                epochs=plan.epochs,
                steps_per_epoch=steps,
                validation_data=evaluation_batches("validation", 512, folder),
                callbacks=[_following(course, plan.seed), *resume, *callbacks],
                verbose=0,
            )
    best = course.restore(working)
    if working is not model:
        model.set_weights(working.get_weights())
    if state:
        shutil.rmtree(state, ignore_errors=True)
    return Fitted(tuple(course.rows), course.metric, best)


@contextlib.contextmanager
def _batches(
    plan: Plan, first: int, folder: Path, cache: Path | None, say: Callable[[str], None]
) -> Iterator[TfDataset]:
    """Give the batches of the epochs from ``first`` on."""
    if plan.teacher is None:
        yield training_batches(plan.batch_size, plan.seed, first, plan.epochs, plan.augmentation, folder)
        return
    with cache_folder(cache) as kept:
        answers = TeacherCache(plan.teacher, plan.batch_size, plan.augmentation, folder, kept, plan.code)
        yield taught_batches(answers, plan.seed, first, plan.epochs, say)


def _reseed_dropout(model: KerasModel, seed: int, epoch: int) -> None:
    """Let what is dropped in an epoch follow from seed and epoch alone; Keras's backup does not keep that state."""
    for position, layer in enumerate(layer for layer in model._flatten_layers() if hasattr(layer, "_random_generator")):
        generator = getattr(layer._random_generator, "_generator", None)
        if generator is not None:
            generator.reset_from_seed(int(np.random.SeedSequence([seed, epoch, position]).generate_state(1)[0]))


def _finished_epochs(state: Path | None) -> int:
    """Return how many epochs the Keras backup in ``state`` holds."""
    tf = tensorflow()
    checkpoint = tf.train.latest_checkpoint(str(state / "keras" / "chief")) if state else None
    if checkpoint is None:
        return 0
    key = "ckpt_saved_epoch/.ATTRIBUTES/VARIABLE_VALUE"
    return int(tf.train.load_checkpoint(checkpoint).get_tensor(key)) + 1


class _Course:
    """The course of a training: a row an epoch, and the best weights; kept in ``state``, where there is one."""

    def __init__(
        self, plan: Plan, outcome: OutcomeLearning, state: Path | None, first: int, say: Callable[[str], None]
    ) -> None:
        self.metric = str(outcome.metric().name)
        self.rows: list[Row] = []
        self._plan, self._state, self._say = plan, state, say
        self._sign = 1 if outcome.less_is_better else -1
        self._weights: list[Any] | None = None
        if state and first:
            self.rows = json.loads((state / "rows.json").read_text())[:first]
            with np.load(state / "best.npz") as file:
                self._weights = [file[name] for name in file.files]
            say(f"goes on after epoch {first}")

    def best(self) -> int:
        """Return the index of the best epoch: by the metric on validation, then the lowest loss, then the earliest."""
        order = [(self._sign * row[f"validation_{self.metric}"], row["validation_loss"]) for row in self.rows]
        return order.index(min(order))

    def stopped(self) -> bool:
        """Return whether patience has ended."""
        patience = self._plan.patience
        return bool(self.rows) and patience is not None and len(self.rows) - 1 - self.best() >= patience

    def add(self, logs: Mapping[str, float], seconds: float, model: KerasModel) -> None:
        """Note an epoch, and the model's weights if it is the best so far, and say a line about it."""
        values = {
            "loss": logs["loss"],
            self.metric: logs[self.metric],
            "validation_loss": logs["val_loss"],
            f"validation_{self.metric}": logs[f"val_{self.metric}"],
        }
        self.rows.append({name: float(value) for name, value in values.items()} | {"seconds": round(seconds, 2)})
        told = "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
        self._say(f"epoch {len(self.rows)}/{self._plan.epochs}  {told}  {seconds:.1f} s")
        if self.best() == len(self.rows) - 1:
            self._weights = model.get_weights()
            if self._state:
                with whole_file(self._state / "best.npz") as path:
                    np.savez(path, *self._weights)
        if self._state:
            write_text(self._state / "rows.json", json.dumps(self.rows))

    def restore(self, model: KerasModel) -> int:
        """Give a model the best weights, where they are to be kept; return the number of the epoch that it has."""
        if not self._plan.keep_best or self._weights is None:
            return len(self.rows)
        model.set_weights(self._weights)
        return self.best() + 1


def _following(course: _Course, seed: int) -> Any:
    """Return the Keras callback that notes each epoch, and stops when patience ends."""

    class Following(keras().callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.began = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.began = time.perf_counter()
            _reseed_dropout(self.model, seed, epoch)

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
            course.add(logs, time.perf_counter() - self.began, self.model)
            self.model.stop_training = self.model.stop_training or course.stopped()

    return Following()
