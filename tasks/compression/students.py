"""Students: networks of another architecture, which take the place of the one that a recipe began with."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.compression.replacement import copy_of, walk
from tasks.compression.technique import Context
from tasks.config import Settings
from tasks.errors import Unsuited
from tasks.learning.building import build_model
from tasks.learning.fitting import Fitted
from tasks.learning.renumbering import numbers_of, renumbered
from tasks.learning.solving import solve_network
from tasks.samples import Specs, read_dataset
from tasks.workloads import outcome_of


class Student(Settings):
    """A network to teach in the place of the present one.

    .. code-block:: yaml

        student: {model: mean_embedding, options: {width: 8}}
    """

    model: Annotated[str, Field(min_length=1, description="as in training; it begins untrained, or solved for")]
    options: Annotated[
        Mapping[str, int | float | str | bool], Field(description="what its function takes beside that")
    ] = {}
    dropout: Annotated[float, Field(ge=0, lt=1, description="rate")] = 0.0


def build_student(student: Student, present: KerasModel, context: Context) -> KerasModel:
    """Return an untrained network for the same samples as the present one, for whose ids it has as many rows.

    Args:
        student: which one.
        present: the network of the recipe so far.
        context: of the recipe.

    Raises:
        Unsuited: the network does not take the samples, or has not the outputs.
        TrainingError: its function does not take the options.
        ConfigError: there is no such network.
    """
    dataset = read_dataset(context.prepared)
    numbers = numbers_of(present)
    if numbers:
        dataset = dataset.model_copy(update={"inputs": _fewer(dataset.inputs, max(numbers))})
    built = build_model(student.model, dataset, student.dropout, student.options)
    if built.output_shape != present.output_shape:
        raise Unsuited(
            f"Expected a student with the outputs {present.output_shape[1:]}. Received: {student.model} with "
            f"{built.output_shape[1:]}. Take another model."
        )
    return _behind(numbers, built, present) if numbers else built


def solve_student(student: Student, model: KerasModel, context: Context) -> Fitted | None:
    """Set the weights of a student to those that are solved for.

    Args:
        student: which one.
        model: what :func:`build_student` gave.
        context: of the recipe.

    Returns:
        the course of it; None where the network is one to train.
    """
    if numbers_of(model):
        return None
    return solve_network(student.model, model, context.outcome, context.prepared, context.say)


def is_better(learned: Fitted, solved: Fitted | None, context: Context) -> bool:
    """Return whether a training came further on validation than what was solved for.

    Args:
        learned: the course of the training.
        solved: of what it began with; None: anything is better.
        context: of the recipe.
    """
    if solved is None:
        return True
    sign = -1 if outcome_of(context.prepared, context.outcome).less_is_better else 1
    return sign * learned.metrics[learned.metric] > sign * solved.metrics[solved.metric]


def _fewer(specs: Specs, most: int) -> Specs:
    (only,) = specs
    return (only.model_copy(update={"high": most}),)


def _behind(numbers: tuple[int, ...], built: KerasModel, present: KerasModel) -> KerasModel:
    """The network behind the layer that gives ids their new numbers."""
    ids = copy_of(present._input_layers[0]).output
    copies: dict[str, KerasLayer] = {}

    def call(layer: KerasLayer, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        return copies.setdefault(layer.name, copy_of(layer))(*arguments, **keywords)

    outputs = walk(built, [renumbered(ids, numbers)], call)
    whole: KerasModel = keras().Model([ids], outputs[0], name=built.name)
    whole.set_weights(built.get_weights())
    return whole
