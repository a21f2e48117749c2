"""Settings that every technique that trains has in common: how long, how fast, on what, and who teaches."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tasks.backend import KerasModel, keras
from tasks.compression.progress import beating
from tasks.compression.technique import Context
from tasks.config import NAME, OfWorkload, Precision, Settings
from tasks.learning.distillation import Teacher
from tasks.learning.fitting import Fitted, Plan, fit
from tasks.learning.hints import Hints
from tasks.learning.precision import in_precision
from tasks.learning.saving import load_model
from tasks.settings import form
from tasks.workloads.protocol import Augmentation

BASELINE, NONE = "baseline", "none"
ONE = NAME.strip("^$")
TOGETHER = form(rf"^{ONE}(\+{ONE})*$", "the name of a teacher, or several joined by +")


class Distillation(Settings):
    """Learn a teacher's answers beside the labels (Hinton, Vinyals and Dean 2015, arXiv:1503.02531).

    .. code-block:: yaml

        distillation: {teacher: baseline, temperature: 4.0, weight: 0.7}

    Those that are joined by ``+`` teach together: the mean of the logits of all their members.
    """

    teacher: Annotated[
        str,
        Field(
            pattern=TOGETHER, description="baseline · none · a name of params.yaml's teachers · several, joined by +"
        ),
    ] = BASELINE
    temperature: Annotated[float, Field(gt=0, description="logits are divided by it, so that small ones count")] = 4.0
    weight: Annotated[float, Field(gt=0, le=1, description="the teacher's share in the loss; labels have the rest")] = (
        0.7
    )

    @field_validator("teacher")
    @classmethod
    def _in_order(cls, teacher: str) -> str:
        """The same teachers are the same, whatever their order."""
        names = sorted(teacher.split("+"))
        if len(set(names)) < len(names) or (NONE in names and len(names) > 1):
            raise ValueError("expected each teacher once, and none only by itself")
        return "+".join(names)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of those that teach together."""
        return () if self.teacher == NONE else tuple(self.teacher.split("+"))


class Retraining(Settings):
    """The settings of a training within a recipe, mixed into every technique that trains.

    It comes before ``Technique`` among the bases, whose ``teachers`` it answers.
    """

    epochs: Annotated[int, Field(ge=1, description="of training")]
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.0003
    schedule: Annotated[Literal["constant", "cosine"], Field(description="of the learning rate")] = "constant"
    precision: Annotated[Precision, Field(description="what layers compute in")] = "float32"
    augmentation: Annotated[OfWorkload, Field(description="as in training")] = Augmentation()
    dropout: Annotated[float | None, Field(ge=0, lt=1, description="rate in every dropout layer; null: as it is")] = (
        None
    )
    distillation: Annotated[Distillation, Field(description="who teaches, and how much it counts")] = Distillation()

    def ignored(self) -> frozenset[str]:
        """Return how to train, where nothing is trained."""
        return frozenset() if self.epochs else frozenset(Retraining.model_fields) - {"epochs"}

    def teachers(self) -> frozenset[str]:
        """Names of the teachers of params.yaml that it learns from."""
        return frozenset(self.distillation.names) - {BASELINE}


def retrain(
    model: KerasModel,
    block: Retraining,
    context: Context,
    callbacks: Sequence[object] = (),
    keep_best: bool = True,
    hints: Hints | None = None,
) -> Fitted:
    """Train ``model`` in place as ``block`` says.

    Args:
        model: from raw pixels to logits.
        block: how.
        context: of the recipe; knows the teachers.
        callbacks: further Keras callbacks.
        keep_best: of the epochs keep the one with the best metric on validation; otherwise the last.
        hints: what is learned in the teacher's place.

    Returns:
        the course of the training.
    """
    if block.dropout is not None:
        for layer in model._flatten_layers():
            if isinstance(layer, keras().layers.Dropout):
                layer.rate = block.dropout
    plan = Plan(
        outcome=context.outcome,
        epochs=block.epochs,
        batch_size=context.batch_size,
        learning_rate=block.learning_rate,
        seed=context.seed,
        schedule=block.schedule,
        precision=block.precision,
        augmentation=block.augmentation,
        keep_best=keep_best,
        teacher=hints or teacher_of(block.distillation, context),
        code=context.code,
    )
    return fit(model, plan, context.prepared, context.backup, [*callbacks, beating()], context.say, context.cache)


def teacher_of(distillation: Distillation, context: Context) -> Teacher | None:
    """Return the teacher that is named, if one is; the baseline teaches only where the context has one.

    Args:
        distillation: settings of a technique.
        context: of the recipe.
    """
    members = tuple(member for name in distillation.names for member in _members(name, context))
    return Teacher(members, distillation.temperature, distillation.weight, context.teacher_seed) if members else None


def _members(name: str, context: Context) -> Iterator[KerasModel]:
    """The networks of a teacher, in the precision that they were trained in."""
    if name == BASELINE:
        members = [] if context.baseline is None else [context.baseline]
    else:
        members = [load_model(path) for path in context.teachers[name]]
    return (in_precision(member, context.precisions.get(name, "float32")) for member in members)
