"""Keras models on disk, byte for byte the same for the same weights, and what identifies the weights."""

import hashlib
import json
import tempfile
import zipfile
from pathlib import Path

from tasks.backend import KerasModel, keras
from tasks.errors import TrainingError
from tasks.files import whole_file
from tasks.learning.finite import check_finite
from tasks.learning.remaking import layer_not_read, layer_not_remade, made_again
from tasks.learning.renumbering import renumbering
from tasks.workloads.shared_table import shared_table

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can name


def copy_model(model: KerasModel) -> KerasModel:
    """Return a model with the same network and weights that shares no layer with ``model`` and is not compiled.

    Args:
        model: the network.

    Raises:
        TrainingError: the configurations of its layers do not give the same weights again.
    """
    with made_again("copied", lambda: layer_not_remade(model)):
        copy = keras().models.clone_model(_with_every_call(model))
    try:
        copy.set_weights(model.get_weights())
    except ValueError as error:
        raise TrainingError(
            f"Expected a network whose layers can be made again of their configurations. Received: "
            f"{str(error).partition(' Provided')[0][:200]} Let get_config of your own layers name all that they are "
            f"made with, and let no two layers share a variable unless they are one layer."
        ) from error
    return copy


def _with_every_call(model: KerasModel) -> KerasModel:
    """The model as a graph of calls where it is a chain that calls a layer twice: a copied chain would call it once."""
    tf_keras = keras()
    if not isinstance(model, tf_keras.models.Sequential) or not model._is_graph_network:
        return model
    calls = [node.layer for nodes in model._nodes_by_depth.values() for node in nodes if not node.is_input]
    twice = len(calls) > len({id(layer) for layer in calls})
    return tf_keras.Model(model.inputs, model.outputs, name=model.name) if twice else model


def weights_digest(model: KerasModel) -> str:
    """Return the SHA-256 over shapes, types and values of all weights, in the model's order.

    Args:
        model: the network.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.shape}{weight.dtype}".encode())
        digest.update(weight.tobytes())
    return digest.hexdigest()


def save_model(model: KerasModel, path: Path) -> None:
    """Write ``model`` without its optimizer; the file's bytes depend on network and weights alone.

    Args:
        model: the network.
        path: of the ``.keras`` file.

    Raises:
        TrainingError: a layer's configuration cannot be written.
    """
    with whole_file(path) as temporary, tempfile.TemporaryDirectory() as folder:
        dated = Path(folder) / "model.keras"
        with made_again("saved", lambda: layer_not_remade(model)):
            copy_model(model).save(dated)
        with zipfile.ZipFile(dated) as source, zipfile.ZipFile(temporary, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    content = json.dumps({**json.loads(content), "date_saved": ""}).encode()
                target.writestr(zipfile.ZipInfo(name, EPOCH), content)


def check_kept(model: KerasModel) -> None:
    """Write a network to a file that nobody keeps, and read it again.

    Args:
        model: the network.

    Raises:
        TrainingError: that cannot be done.
    """
    with tempfile.TemporaryDirectory(prefix="slimline-") as folder:
        path = Path(folder) / "model.keras"
        save_model(model, path)
        load_model(path)


def load_model(path: Path) -> KerasModel:
    """Return the network in a ``.keras`` file, which is not compiled.

    Args:
        path: of the file.

    Raises:
        TrainingError: a layer cannot be made again of what the file says, or it has weights that are no numbers.
    """
    renumbering(), shared_table()  # are registered with it
    with made_again("read again from its file", lambda: layer_not_read(path)):
        model = keras().models.load_model(path, compile=False)
    check_finite(model, str(path))
    return model
