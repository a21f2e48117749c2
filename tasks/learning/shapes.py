"""Inputs whose sides a network leaves open, fixed to those of the samples."""

from tasks.backend import KerasModel, keras
from tasks.learning.feeding import entries
from tasks.learning.remaking import layer_not_remade, made_again
from tasks.samples import Specs


def with_shapes(model: KerasModel, specs: Specs) -> KerasModel:
    """The network for samples of these shapes alone, which is what a device runs.

    Args:
        model: takes samples of these inputs, and perhaps others.
        specs: the inputs.

    Returns:
        a copy with the same weights; ``model`` itself where it leaves no side open.

    Raises:
        TrainingError: a layer cannot be made for that shape, or cannot be made again.
    """
    if not any(None in tensor.shape[1:] for tensor in model.inputs):
        return model
    shapes = {id(tensor): spec.shape for spec, tensor in entries(model, specs)}
    given = [
        keras().Input(shapes[id(tensor)], dtype=tensor.dtype, name=name)
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
    ]
    with made_again(
        f"made for samples of {', '.join(str(spec.shape) for spec in specs)}", lambda: layer_not_remade(model)
    ):
        copy = keras().models.clone_model(model, input_tensors=given[0] if len(given) == 1 else given)
        copy.set_weights(model.get_weights())
    return copy
