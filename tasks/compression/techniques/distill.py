"""Distillation as a step of its own: hints for a layer first, if asked for, then the teacher's answers."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.backend import KerasModel
from tasks.compression.retraining import NONE, Retraining, retrain, teacher_of
from tasks.compression.sparsity.constraint import hold_all_zeros
from tasks.compression.students import Student, build_student, is_better, solve_student
from tasks.compression.technique import SPARSITY, Context, Kind, Result, Subject, Technique
from tasks.compression.weights import weights
from tasks.config import Settings
from tasks.errors import CompressionError, Unsuited
from tasks.learning.hints import PENULTIMATE, match
from tasks.learning.saving import copy_model


class HintSettings(Settings):
    """Layers to match (Romero et al. 2015, FitNets, arXiv:1412.6550), and for how long."""

    student: Annotated[str, Field(description="layer that learns; penultimate: what the last one gets")] = PENULTIMATE
    teacher: Annotated[str, Field(description="layer that is learned from, of the teacher's first member")] = (
        PENULTIMATE
    )
    epochs: Annotated[int, Field(ge=1, description="of training towards the hint alone")]
    learning_rate: Annotated[float, Field(gt=0, description="Adam's, meanwhile")] = 0.001


class Distill(Retraining, Technique):
    """Learn from a teacher: its answers softened by a temperature (Hinton, Vinyals and Dean 2015, arXiv:1503.02531).

    With ``hints`` a layer learns to give what a layer of the teacher gives, before that. A regressor stands between
    layers of different widths and is dropped afterwards. With ``student`` another network learns, of any architecture,
    and takes the place of the present one: an LSTM teaches a mean of embeddings. A student whose weights are solved for
    begins with these, and keeps them unless what it learns is better on validation.

    .. code-block:: yaml

        - {technique: distill, epochs: 20, distillation: {teacher: strong, temperature: 4.0, weight: 0.9}}
        - {technique: distill, epochs: 20, hints: {student: conv2d_1, teacher: conv2d_1, epochs: 3}}
        - {technique: distill, epochs: 60, student: {model: article_cnn}, distillation: {teacher: strong}}

    Needs labelled training data and a teacher: the baseline, or one of params.yaml. Keeps zeros; the network stays as
    it is, so that channels and ranks do too. A student has nothing of the network before.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset()

    technique: Literal["distill"]
    schedule: Annotated[Literal["constant", "cosine"], Field(description="of the learning rate")] = "cosine"
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.001
    hints: Annotated[HintSettings | None, Field(description="layers to match first; null: none")] = None

    student: Annotated[Student | None, Field(description="another network that learns; null: the present one")] = None

    @model_validator(mode="after")
    def _has_teacher(self) -> "Distill":
        if self.distillation.teacher == NONE:
            raise ValueError("expected a teacher to learn from; fine_tune trains without one")
        if self.hints is not None and len(self.distillation.names) > 1:
            raise ValueError("expected one teacher with hints, which are those of one network")
        return self

    def keeps(self) -> frozenset[Kind]:
        """Zeros are held by a constraint; a student has none to hold."""
        return frozenset() if self.student else SPARSITY

    def networks(self) -> frozenset[str]:
        """The student's builder."""
        return frozenset({self.student.model} if self.student else ())

    def apply(self, subject: Subject, context: Context) -> Result:
        """Train all weights; of the epochs the one with the best metric on validation is kept."""
        before = subject.network
        model = build_student(self.student, before, context) if self.student else copy_model(before)
        solved = solve_student(self.student, model, context) if self.student else None
        start = model.get_weights()
        hold_all_zeros(model)
        if self.hints is not None:
            self._follow_hints(model, self.hints, context)
        if not is_better(retrain(model, self, context), solved, context):
            context.say("what it was solved for is better than what it has learned, and stays")
            model.set_weights(start)
        gone = frozenset({*weights(before), *(layer.name for layer in before.layers)} if self.student else ())
        changed = tuple(layer.name for layer in model.layers if layer.weights)
        return Result(Subject(copy_model(model)), changed=changed, outdated=gone)

    def _follow_hints(self, model: KerasModel, hints: HintSettings, context: Context) -> None:
        teacher = teacher_of(self.distillation, replace(context, precisions={}))  # features are learned in float32
        if teacher is None:
            raise CompressionError("Expected a teacher to take hints from. Received: none in the context.")
        try:
            matched, learned = match(model, hints.student, teacher.members[0], hints.teacher, context.teacher_seed)
        except (ValueError, AttributeError) as error:  # no such layer; one that is called several times
            raise Unsuited(
                f"hints: expected names of a layer of the student and of one of the teacher. Received: {error} "
                f"Name others, or penultimate."
            ) from None
        context.say(f"hints: {hints.student} learns {hints.teacher} of {self.distillation.teacher}")
        block = self.model_copy(update={"epochs": hints.epochs, "learning_rate": hints.learning_rate})
        retrain(matched, block, context, keep_best=False, hints=learned)
