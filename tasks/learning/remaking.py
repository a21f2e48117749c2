"""Networks that cannot be made again of what their layers say, and what to do about each."""

import contextlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.errors import SlimlineError, TrainingError
from tasks.learning.causes import cause_of, layer_of

ADVICE = (
    "Register your own layers and functions with @tf_keras.saving.register_keras_serializable(), and let get_config of "
    "your own layers name all that they are made with, in numbers, texts and lists."
)
INSTEAD = {
    "Lambda": "A file does not keep the function of a Lambda: write a layer of your own in its place.",
    "SlicingOpLambda": "A file does not keep a slice with `...` or with steps: write a layer of your own that slices.",
    "SpectralNormalization": "Keras does not read it from a file: leave it out, or write a layer of your own.",
    "TFOpLambda": "Write a layer of your own in the place of this operation.",
}


@contextlib.contextmanager
def made_again(what: str, find: Callable[[], str]) -> Iterator[None]:
    """Yield, and turn what Keras raises while it makes a network again into a sentence.

    Args:
        what: is done with the network, as ``copied``.
        find: looks for the layer that is the cause; gives its name and class, or nothing.

    Raises:
        TrainingError: Keras raised an error within.
    """
    try:
        yield
    except (SlimlineError, OSError, MemoryError):
        raise
    except Exception as error:  # of Keras, or of a layer of the user's own
        layer = layer_of(error) or find()
        kind = layer.rpartition("(")[2].rstrip(")")
        received = f"{f'layer {layer}, ' if layer else ''}{': '.join(cause_of(error))}"
        raise TrainingError(
            f"Expected a network that can be {what}. Received: {received}. {INSTEAD.get(kind, ADVICE)}"
        ) from error


def layer_not_remade(model: KerasModel) -> str:
    """Return the first layer that cannot be made again of its configuration, with its class; empty if all can.

    Args:
        model: the network.
    """
    for layer in model.layers:
        inner = layer_not_remade(layer) if isinstance(layer, keras().models.Model) else ""
        if inner:
            return inner
        if not _goes_well(_remake, layer):
            return _named(layer.name, type(layer).__name__)
    config = model.get_config() if model._is_graph_network else {}
    for layer in config.get("layers", ()):  # what a layer was called with
        if not _goes_well(keras().saving.serialize_keras_object, layer):
            return _named(layer["config"].get("name"), layer["class_name"])
    return ""


def layer_not_read(path: Path) -> str:
    """Return the first layer of a ``.keras`` file that cannot be made, with its class; empty if all can.

    Args:
        path: of the file.
    """
    try:
        with zipfile.ZipFile(path) as file:
            config = json.loads(file.read("config.json"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return ""
    for layer in _layers(config):
        if not _goes_well(_read, layer):
            name = layer.get("name") or (layer.get("config") or {}).get("name", "")
            return _named(name, layer.get("class_name"))
    return ""


def _layers(config: Any) -> Iterable[dict[str, Any]]:
    """Give the configurations of a model's layers, those within a model before it."""
    inner = config.get("config") if isinstance(config, dict) else None
    for layer in inner.get("layers", ()) if isinstance(inner, dict) else ():
        yield from _layers(layer)
        yield layer


def _remake(layer: KerasLayer) -> None:
    type(layer).from_config(layer.get_config())
    saving = keras().saving
    saving.deserialize_keras_object(json.loads(json.dumps(saving.serialize_keras_object(layer))))


def _read(config: dict[str, Any]) -> None:
    """Make a layer of its configuration and call it."""
    layer: Any = keras().layers.deserialize(config)  # as Keras reads the layers of a model
    shape = (config.get("build_config") or {}).get("input_shape")
    if isinstance(shape, list | tuple) and shape and all(side is None or isinstance(side, int) for side in shape):
        layer(keras().Input(shape[1:]))


def _goes_well(work: Callable[[Any], Any], of: Any) -> bool:
    try:
        work(of)
    except Exception:  # whatever a layer raises, it is the one that is looked for
        return False
    return True


def _named(name: Any, kind: Any) -> str:
    return f"{name} ({kind})"
