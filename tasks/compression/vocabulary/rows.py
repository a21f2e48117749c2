"""Tables without the rows of ids that are known no longer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasLayer, KerasModel, keras, tensorflow
from tasks.compression.replacement import copy_of, walk
from tasks.compression.vocabulary.keeping import Kept
from tasks.errors import Unsuited
from tasks.learning.renumbering import numbers_of, renumbered
from tasks.learning.rewrites import is_exactly, nodes_of


def tables_of_ids(model: KerasModel) -> list[KerasLayer]:
    """Return the tables that read a network's only input.

    Args:
        model: the network.

    Raises:
        Unsuited: something else reads it, or it has new numbers already.
    """
    if numbers_of(model):
        raise Unsuited("Expected prune_vocabulary once. Received: a network with fewer ids. Leave one of them out.")
    (ids,) = model.inputs if len(model.inputs) == 1 else (None,)
    readers = [
        node.layer
        for node in nodes_of(model)
        if not node.is_input and any(each is ids for each in tensorflow().nest.flatten(node.keras_inputs))
    ]
    others = [layer.name for layer in readers if not is_exactly(layer, "Embedding")]
    if not readers or others:
        raise Unsuited(
            f"Expected a network whose only input goes to Embedding layers alone. Received: "
            f"{', '.join(others) or 'none'}. Leave prune_vocabulary out."
        )
    return list(dict.fromkeys(readers))


def with_fewer_rows(model: KerasModel, kept: Kept, counts: NDArray[np.int64]) -> KerasModel:
    """Return the network with new numbers for its ids, and tables of as many rows.

    The row of what is unknown is the mean of all that are unknown now, by how often each is there.

    Args:
        model: stays as it is.
        kept: ids that stay.
        counts: of each id.
    """
    tables, numbers = {layer.name for layer in tables_of_ids(model)}, np.array(kept.numbers)
    ids = copy_of(model._input_layers[0]).output
    copies: dict[str, KerasLayer] = {}

    def call(layer: KerasLayer, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        if layer.name not in copies:
            fewer = {"input_dim": int(numbers.max()) + 1} if layer.name in tables else {}
            copies[layer.name] = copy_of(layer, **fewer)
        return copies[layer.name](*arguments, **keywords)

    outputs = walk(model, [renumbered(ids, kept.numbers)], call)
    made: KerasModel = keras().Model([ids], outputs[0] if len(outputs) == 1 else outputs, name=model.name)
    for name, layer in copies.items():
        old = model.get_layer(name).get_weights()
        layer.set_weights([_merged(old[0], numbers, counts)] if name in tables else old)
    return made


def _merged(table: NDArray[np.float32], numbers: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows by their new numbers; of several with one number the mean, weighted by how often each is there."""
    table, weights = table[: len(numbers)], np.maximum(counts, 1)[:, None].astype(np.float64)
    sums = np.zeros((int(numbers.max()) + 1, table.shape[1]))
    totals = np.zeros((len(sums), 1))
    np.add.at(sums, numbers, table * weights)
    np.add.at(totals, numbers, weights)
    return np.asarray(sums / np.maximum(totals, 1), np.float32)
