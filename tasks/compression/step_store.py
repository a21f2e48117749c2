"""Finished steps on disk: work that is done is not done again.

Recipes that begin alike share it, a recipe that was killed goes on at its step, and one whose end was changed begins
where it changed.

::

    .slimline/steps/<digest>/done.json        how the step was carried out, and all promises so far
    .slimline/steps/<digest>/model.keras      what came out of it (or model.tflite)
    .slimline/steps/<digest>/backup/          the state of a training that is not done
    .slimline/steps/<digest>.lock             held by the process that does the work

The digest is over all that decides about the result: the baseline's network and weights, the data, the seed, the steps
up to this one, and the code and libraries that the stage runs, as :mod:`tasks.code` digests them. Every step goes on
from what was written, so that a step that was shared gives the same bytes as one that was done anew.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from tasks.backend import threads
from tasks.compression.flatbuffer import part_of
from tasks.compression.recipe import Recipe
from tasks.compression.records import Step
from tasks.compression.retraining import BASELINE
from tasks.compression.technique import Claim, Context, Subject, Technique
from tasks.files import sha256, write_bytes
from tasks.learning.saving import load_model, save_model
from tasks.locking import locked, locked_if_free
from tasks.records import Record, read_record, write_record
from tasks.samples import read_dataset

STEPS = Path(".slimline/steps")
DONE = "done.json"
KERAS, FLATBUFFER, BACKUP = "model.keras", "model.tflite", "backup"


class Done(Record):
    """A finished step, with the promises made up to it."""

    step: Step
    claims: tuple[dict[str, Any], ...]
    places: dict[str, tuple[dict[str, Any], ...]] = Field(default_factory=dict)  # of weights in a flatbuffer
    packed: bool = False
    numbers: tuple[int, ...] = ()  # of ids, where a flatbuffer takes new ones


@dataclass(frozen=True)
class Finished:
    """A finished step and what came out of it."""

    step: Step
    subject: Subject
    claims: tuple[Claim, ...]


class StepStore:
    """The finished steps of one baseline on one data set.

    Args:
        folder: where they are.
        baseline: identifies the baseline, see :func:`tasks.learning.identity.network_digest`.
        context: of the recipes.
    """

    def __init__(self, folder: Path, baseline: str, context: Context) -> None:
        self.folder = folder
        work = (baseline, read_dataset(context.prepared).model_dump_json(), context.seed, context.batch_size)
        self._teachers, self._precisions = context.teachers, context.precisions
        self._origin = repr((*work, context.code, threads()))

    def digest(self, steps: Sequence[Technique]) -> str:
        """Return what identifies the result of the first steps of a recipe.

        Args:
            steps: these steps.
        """
        names = sorted({name for step in steps for name in step.teachers()})
        teachers = [[sha256(path) for path in self._teachers.get(name, ()) if path.exists()] for name in names]
        precisions = [self._precisions.get(name, "float32") for name in (BASELINE, *names)]
        work = repr((self._origin, [step.model_dump_json() for step in steps], teachers, precisions))
        return hashlib.sha256(work.encode()).hexdigest()

    @contextmanager
    def alone(self, digest: str) -> Iterator[Path]:
        """Hold a step for the process that does it.

        Args:
            digest: of the step.

        Yields:
            the folder in which its training keeps its state.
        """
        with locked(self.folder / f"{digest}.lock"):
            yield self.folder / digest / BACKUP

    def has(self, digest: str) -> bool:
        """Return whether a step is finished.

        Args:
            digest: of the step.
        """
        folder = self.folder / digest
        return (folder / DONE).exists() and ((folder / KERAS).exists() or (folder / FLATBUFFER).exists())

    def read(self, digest: str) -> Finished:
        """A finished step."""
        folder = self.folder / digest
        done = read_record(folder / DONE, Done)
        if (folder / KERAS).exists():
            subject = Subject(load_model(folder / KERAS))
        else:
            places = {path: tuple(part_of(part) for part in parts) for path, parts in done.places.items()}
            subject = Subject(None, (folder / FLATBUFFER).read_bytes(), places, done.packed, done.numbers)
        return Finished(done.step, subject, tuple(Claim(**claim) for claim in done.claims))

    def write(self, digest: str, finished: Finished) -> None:
        """Keep a finished step; the record is written last.

        Args:
            digest: of the step.
            finished: what came of it.
        """
        folder = self.folder / digest
        folder.mkdir(parents=True, exist_ok=True)
        if finished.subject.form == "keras":
            save_model(finished.subject.network, folder / KERAS)
        else:
            write_bytes(folder / FLATBUFFER, finished.subject.flatbuffer)
        claims = tuple(asdict(claim) for claim in finished.claims)
        subject = finished.subject
        places = {path: tuple(asdict(part) for part in parts) for path, parts in subject.places.items()}
        done = Done(step=finished.step, claims=claims, places=places, packed=subject.packed, numbers=subject.numbers)
        write_record(folder / DONE, done)
        shutil.rmtree(folder / BACKUP, ignore_errors=True)

    def keep_only(self, recipes: Iterable[Recipe]) -> None:
        """Forget what none of these recipes begins with and nobody is at work on; a recipe's end is its candidate.

        Args:
            recipes: that there are.
        """
        beginnings = {self.digest(recipe[:length]) for recipe in recipes for length in range(1, len(recipe))}
        for digest in {path.stem for path in self.folder.glob("*")} - beginnings:
            with locked_if_free(self.folder / f"{digest}.lock") as free:
                if free:
                    shutil.rmtree(self.folder / digest, ignore_errors=True)
