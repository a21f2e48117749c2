"""The training stream with a teacher's answers in it, each question asked once.

To ask the teacher costs more than to train a small student. So that it is asked seldom, the epochs of all trainings
with one teacher go round the same :data:`VIEWS` views of the training split. A view is one order and one augmentation
of all samples; the teacher's logits for it are kept in a file, which later trainings, resumed ones, later steps and
other recipes read. Without augmentation all views hold the same images, and the teacher is asked about each once.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.backend import TfDataset, TfTensor, tensorflow, threads, traced, versions
from tasks.files import whole_file
from tasks.learning.distillation import Teacher, taught_targets
from tasks.learning.hints import Hints
from tasks.learning.pipeline import each_epoch, epoch_batches, epoch_order, evaluation_batches
from tasks.samples import read_dataset
from tasks.workloads import augmentation_for, find_workload
from tasks.workloads.protocol import Augmentation

VIEWS = 32
UNUSED = 30 * 24 * 3600  # seconds after which logits go that no training has asked for
STRIDE = 11  # steps of a recipe have consecutive seeds; they begin at views this far apart


@dataclass(frozen=True)
class TeacherCache:
    """A teacher's answers about the training split, kept for later trainings.

    ``folder`` is of the prepared data, ``cache`` holds the logits, ``code`` is a digest of the code that asks.
    """

    teacher: Teacher | Hints
    batch_size: int
    augmentation: Augmentation
    folder: Path
    cache: Path
    code: str = ""

    def fill(self, views: list[int], say: Callable[[str], None]) -> None:
        """Ask the teacher about those of the views whose logits are not kept yet, if they are to be.

        What no training has asked for in a month is forgotten.

        Args:
            views: their numbers.
            say: is told of the progress.
        """
        if not isinstance(self.teacher, Teacher):
            return
        missing = [view for view in dict.fromkeys(views) if not self._file(view).exists()]
        if missing:
            counted = f"{len(missing)} views of the training split" if self._augmented else "the training split"
            say(f"asks the teacher about {counted}")
        answers = self.teacher.answers() if missing else None
        for view in missing:
            if answers is None or self._file(view).exists():  # one file may stand for all views
                continue
            logits = [answers(samples) for samples, _ in self._inputs(view)]
            with whole_file(self._file(view)) as path:
                np.save(path, np.concatenate(logits))
        for view in views:
            os.utime(self._file(view))
        _forget_unused(self.cache)

    def batches(self, view: TfTensor) -> TfDataset:
        """Return a view and its targets: samples as a network takes them, ``[n, 1 + classes]``.

        Args:
            view: its number.
        """
        tf = tensorflow()
        if not self.teacher.kept:
            return self._epoch(view).map(
                traced(lambda samples, labels: (samples, taught_targets(labels, self.teacher.answer(samples))))
            )
        logits = tf.numpy_function(self._logits, [view], tf.float32)
        dataset = read_dataset(self.folder)
        logits = tf.ensure_shape(logits, [None, find_workload(dataset.workload).outcome.outputs(dataset)])
        answers = tf.data.Dataset.from_tensor_slices(logits).batch(self.batch_size)
        pairs = tf.data.Dataset.zip((self._epoch(view), answers))
        return pairs.map(traced(lambda batch, logits: (batch[0], taught_targets(batch[1], logits))))

    @property
    def _augmented(self) -> bool:
        return augmentation_for(read_dataset(self.folder).workload, self.augmentation).changes

    def _epoch(self, view: TfTensor) -> TfDataset:
        return epoch_batches(self.batch_size, self.teacher.seed, self.augmentation, self.folder)(view)

    def _inputs(self, view: int) -> TfDataset:
        if self._augmented:
            return each_epoch(view, view + 1, self._epoch)
        return evaluation_batches("train", 512, self.folder)

    def _logits(self, view: np.int64) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = np.load(self._file(int(view)))
        return logits if self._augmented else logits[epoch_order(int(view), self.teacher.seed, self.folder)]

    def _file(self, view: int) -> Path:
        asked: tuple[object, ...] = (
            self.teacher.digest,
            read_dataset(self.folder).model_dump_json(),
            versions(),
            threads(),
            self.code,
        )
        if self._augmented:
            asked = (*asked, self.augmentation, self.batch_size, self.teacher.seed, view)
        return self.cache / f"{hashlib.sha256(repr(asked).encode()).hexdigest()[:32]}.npy"


def taught_batches(
    cache: TeacherCache, seed: int, first_epoch: int, epochs: int, say: Callable[[str], None]
) -> TfDataset:
    """The batches of the epochs from ``first_epoch`` up to ``epochs`` of a training with ``seed``.

    Args:
        cache: the teacher's logits.
        seed: of the training.
        first_epoch: counts from 0.
        epochs: where it ends, not included.
        say: is told of the progress.

    Returns:
        batches as :meth:`TeacherCache.batches` gives them, all epochs one after the other.
    """
    start = seed * STRIDE
    cache.fill([(start + epoch) % VIEWS for epoch in range(first_epoch, epochs)], say)

    dataset = each_epoch(first_epoch, epochs, lambda epoch: cache.batches((start + epoch) % VIEWS))
    return dataset.prefetch(tensorflow().data.AUTOTUNE)


def _forget_unused(cache: Path) -> None:
    oldest = time.time() - UNUSED
    for path in cache.glob("*.npy"):
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            if path.stat().st_mtime < oldest:
                path.unlink()


@contextlib.contextmanager
def cache_folder(cache: Path | None) -> Iterator[Path]:
    """Yield the folder for logits: the one that is named, or one that goes again at the end.

    Args:
        cache: None: none is named.
    """
    if cache is not None:
        yield cache
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
