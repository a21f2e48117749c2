"""The identity of a network: its weights, its configuration, and the code of what is not Keras's own."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import KerasModel, keras, tensorflow
from tasks.code.source import read_source
from tasks.learning.remaking import layer_not_remade, made_again
from tasks.learning.saving import weights_digest

KERAS = "tf_keras."


def network_digest(model: KerasModel) -> str:
    """Return the SHA-256 over all that decides what a network computes.

    That is its weights, the configurations of its layers, and the modules of those layers and functions that are not
    Keras's own. Two networks with the same weights and other activations have two digests.

    Args:
        model: the network.
    """
    config = _config(model)
    own = sorted({_code(each) for each in _own_parts(model, config)})
    work = json.dumps([weights_digest(model), config, own], sort_keys=True)
    return hashlib.sha256(work.encode()).hexdigest()


def own_parts(model: KerasModel) -> list[Any]:
    """Return the classes of layers, and classes and functions that layers are made with, that are not Keras's own.

    Args:
        model: the network.

    Raises:
        TrainingError: a layer cannot say what it is made with.
    """
    with made_again("written down", lambda: layer_not_remade(model)):
        config = _config(model)
    return list(_own_parts(model, config))


def _config(model: KerasModel) -> Any:
    return json.loads(json.dumps(model.get_config(), default=_plain))


def _own_parts(model: KerasModel, config: Any) -> Iterator[Any]:
    kinds = {type(layer) for layer in model._flatten_layers(recursive=True)}
    yield from (each for each in (*kinds, *_registered(config)) if not _is_keras(each))


def _plain(value: Any) -> Any:
    """A part of a configuration as JSON has it: all entries of an array, which ``repr`` would leave out."""
    if isinstance(value, tensorflow().Tensor | tensorflow().Variable):
        value = value.numpy()
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else repr(value)


def _registered(config: Any) -> Iterator[Any]:
    """Give the classes and functions of one's own that a configuration names."""
    if isinstance(config, dict | list):
        for part in config.values() if isinstance(config, dict) else config:
            yield from _registered(part)
    elif isinstance(config, str):
        found = keras().saving.get_registered_object(config)
        if found is not None:
            yield found


def _is_keras(found: Any) -> bool:
    return str(getattr(found, "__module__", "")).startswith(KERAS)


def _code(found: Any) -> tuple[str, str, str]:
    """The module and name of a class or function, and a digest of the module's code where it can be had."""
    module = str(getattr(found, "__module__", ""))
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        digest = read_source(Path(file).read_bytes()).digest if file else ""
    except OSError:
        digest = ""
    return module, str(getattr(found, "__qualname__", found)), digest
