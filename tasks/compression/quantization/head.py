"""Split off what prepares pixels in front of a network: two models, that and the network behind it."""

from collections.abc import Iterator
from typing import Any

from tasks.backend import KerasLayer, KerasModel, TfTensor, keras, tensorflow
from tasks.learning.conversion import only_trains
from tasks.learning.saving import copy_model


def split_head(model: KerasModel) -> tuple[KerasModel | None, KerasModel]:
    """Return what prepares pixels in front of the network, if anything does, and a copy of the rest.

    The head is the chain of leading layers that are no part of what is trained: rescaling, normalization by fixed
    numbers, resizing and cropping, and augmentation, which only training does. The rest takes what it gives.

    Args:
        model: functional or Sequential; stays as it is.
    """
    copy = copy_model(model)
    head = list(_leading(copy))
    if not head or head[-1].output is copy.output:  # nothing would be left
        return None, copy
    end = head[-1].output
    return keras().Model(copy.input, end), _behind(copy, head, end)


def _leading(model: KerasModel) -> Iterator[KerasLayer]:
    """The layers of the head, without the input layer; the last one that has one layer behind it ends it."""
    layers = keras().layers
    preparing = (layers.Rescaling, layers.Normalization, layers.Resizing, layers.CenterCrop)
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            if not (isinstance(layer, preparing) or only_trains(layer)) or len(layer.inbound_nodes) > 1:
                return
            yield layer
        if len(layer.outbound_nodes) > 1:  # several go on from here
            return


def _behind(model: KerasModel, head: list[KerasLayer], end: TfTensor) -> KerasModel:
    """A model of copies of the layers behind ``end``, called as they were.

    Keras cuts a model at a tensor, too, but then loses the order of the calls of a layer that is called twice, and
    walks in a circle when the model is copied.
    """
    start = keras().Input(end.shape[1:], dtype=end.dtype)
    given: dict[str, Any] = {str(id(end)): start}
    copies: dict[str, KerasLayer] = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input or node.layer in head:
                continue
            most = len(node.keras_inputs)
            arguments, keywords = node.map_arguments({key: [value] * most for key, value in given.items()})
            layer = node.layer
            new = layer.name not in copies
            copy = copies.setdefault(layer.name, layer.__class__.from_config(layer.get_config()))
            outputs = copy(*arguments, **keywords)
            if new:
                copy.set_weights(layer.get_weights())
            given |= dict(zip(node.flat_output_ids, tensorflow().nest.flatten(outputs), strict=True))
    outputs = [given[str(id(output))] for output in model.outputs]
    return keras().Model(start, outputs[0] if len(outputs) == 1 else outputs, name=model.name)
