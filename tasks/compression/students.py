"""Students: networks of another architecture, which take the place of the one that a recipe began with."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from tasks.backend import KerasModel, keras
from tasks.compression.replacement import copy_of, walk
from tasks.compression.technique import Context
from tasks.config import Settings
from tasks.errors import Unsuited
from tasks.learning.building import build_model
from tasks.learning.renumbering import numbers_of, renumbered
from tasks.samples import Specs, read_dataset


class Student(Settings):
    """A network to teach in the place of the present one.

    .. code-block:: yaml

        student: {model: mean_embedding, options: {width: 8}}
    """

    model: Annotated[str, Field(min_length=1, description="as in training; it begins untrained")]
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


def _fewer(specs: Specs, most: int) -> Specs:
    (only,) = specs
    return (only.model_copy(update={"high": most}),)


def _behind(numbers: tuple[int, ...], built: KerasModel, present: KerasModel) -> KerasModel:
    """The network behind the layer that gives ids their new numbers."""
    ids = copy_of(present._input_layers[0]).output
    copies: dict[str, Any] = {}

    def call(layer: Any, arguments: Any, keywords: Any) -> Any:
        return copies.setdefault(layer.name, copy_of(layer))(*arguments, **keywords)

    outputs = walk(built, [renumbered(ids, numbers)], call)
    whole: KerasModel = keras().Model([ids], outputs[0], name=built.name)
    whole.set_weights(built.get_weights())
    return whole
