"""Networks to train: the built-in ones, and a user's own by ``package.module:function``.

A builder takes ``shape`` (height, width, channels), ``classes`` and ``dropout`` (a rate) and gives an uncompiled
``tf_keras`` model from raw pixels (float32, 0 to 255; scaling is part of the model) to logits.
"""

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tasks.backend import KerasModel, keras
from tasks.errors import ConfigError, TrainingError
from tasks.training.models.article_cnn import article_cnn
from tasks.training.models.mobilenet_small import mobilenet_small
from tasks.training.models.resnet8 import resnet8
from tasks.training.models.vgg_small import vgg_small

Builder = Callable[[tuple[int, int, int], int, float], KerasModel]
OWN = re.compile(r"\w+(\.\w+)*:\w+")
BUILDERS: dict[str, Builder] = {
    "article_cnn": article_cnn,
    "resnet8": resnet8,
    "mobilenet_small": mobilenet_small,
    "vgg_small": vgg_small,
}


def find_builder(name: str) -> Builder:
    """The builder that ``training.model`` names.

    Raises:
        ConfigError: there is no such built-in, module or function.
    """
    if name in BUILDERS:
        return BUILDERS[name]
    module, _, function = name.partition(":")
    if not OWN.fullmatch(name):
        raise ConfigError(
            f"training.model: expected one of {', '.join(BUILDERS)} or package.module:function. Received: {name!r}."
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # behind everything else: nothing of slimline or a library is replaced
    try:
        builder = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"training.model: expected an importable function. Received: {name!r} ({error}). "
            f"Put the package in the project's folder or install it."
        ) from None
    if not callable(builder):
        raise ConfigError(f"training.model: expected {name} to be a function. Received: {type(builder).__name__}.")
    return builder  # type: ignore[no-any-return]


def build_model(name: str, shape: tuple[int, int, int], classes: int, dropout: float) -> KerasModel:
    """Build the network and check that it goes from pixels to one logit a class.

    Raises:
        ConfigError: there is no such builder.
        TrainingError: the network does not fit the data.
    """
    try:
        model = find_builder(name)(shape, classes, dropout)
    except ValueError as error:
        raise TrainingError(
            f"Expected {name} to fit images of {shape} (height, width, channels). Received: {error} "
            f"Set data.image in params.yaml or take another model."
        ) from None
    if not isinstance(model, keras().Model) or not model._is_graph_network:
        raise TrainingError(
            f"Expected {name} to give a Sequential or functional tf_keras model. "
            f"Received: {type(model).__module__}.{type(model).__name__}. "
            f"Import tf_keras, not keras, and subclass no Model."
        )
    expected = ((None, *shape), (None, classes))
    if (tuple(model.input_shape), tuple(model.output_shape)) != expected:
        raise TrainingError(
            f"Expected {name} to go from {expected[0]} to {expected[1]}. "
            f"Received: from {model.input_shape} to {model.output_shape}."
        )
    return model
