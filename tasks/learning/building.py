"""Networks by their names: those of a workload, and a user's own by ``package.module:function``."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from tasks.backend import KerasModel, keras
from tasks.errors import ConfigError, TrainingError
from tasks.samples import Dataset
from tasks.workloads import find_workload, learning_of
from tasks.workloads.protocol import Builder

OWN = re.compile(r"\w+(\.\w+)*:\w+")


def find_builder(name: str, workload: str) -> Builder:
    """Return the builder that ``training.model`` names; its module registers the layers that a network is made of.

    Raises:
        ConfigError: the workload has no network of that name, or there is no such module or function.
    """
    builders = learning_of(workload).networks()
    if name in builders:
        return builders[name]
    module, _, function = name.partition(":")
    if not OWN.fullmatch(name):
        known = f"one of {', '.join(builders)} or " if builders else ""
        raise ConfigError(f"training.model: expected {known}package.module:function. Received: {name!r}.")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # at the end, so that nothing of the project's hides a library
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


def build_model(name: str, dataset: Dataset, dropout: float) -> KerasModel:
    """Build a network for a data set and check that it goes from its inputs to the outcome's outputs.

    Raises:
        ConfigError: there is no such builder.
        TrainingError: the network does not fit the data.
    """
    workload = find_workload(dataset.workload)
    outputs = workload.outcome.outputs(dataset)
    try:
        build = learning_of(dataset.workload).build
        model: Any = build(find_builder(name, dataset.workload), dataset.inputs, outputs, dropout)
    except ValueError as error:
        raise TrainingError(
            f"Expected {name} to fit {workload.things} of {dataset.input.shape}. Received: {error} "
            f"Set data.{workload.name} in params.yaml or take another model."
        ) from None
    is_model = isinstance(model, keras().models.Model)
    if not is_model or not model._is_graph_network:
        raise TrainingError(
            f"Expected {name} to give a Sequential or functional tf_keras model. "
            f"Received: {type(model).__module__}.{type(model).__name__}. "
            f"Import tf_keras, not keras, and subclass no Model."
        )
    expected = ((None, *dataset.input.shape), (None, outputs))
    if (model.input_shape, model.output_shape) != expected:
        raise TrainingError(
            f"Expected {name} to go from {expected[0]} to {expected[1]}. "
            f"Received: from {model.input_shape} to {model.output_shape}."
        )
    built: KerasModel = model
    return built
