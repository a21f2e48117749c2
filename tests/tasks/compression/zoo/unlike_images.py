"""Small networks by hand of other inputs than one image: several, or one of ids or amounts.

They are never trained, and go to ten logits; :data:`UNLIKE_IMAGES` has them all by name.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import keras, set_seed
from tasks.data_loading.arrays import prepare_arrays
from tasks.learning.feeding import made_up
from tasks.samples import SPLITS, Specs, TensorSpec
from tests.tasks.compression.zoo.pictures import CLASSES, COUNTS

ROWS = 40  # of tables


def _ids(name: str, shape: tuple[int, ...], dtype: str = "int32") -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape, low=0, high=ROWS - 1)


AMOUNTS = TensorSpec(name="amounts", dtype="float32", shape=(12,), low=-3, high=3)
MAP = TensorSpec(name="map", dtype="uint8", shape=(8, 8, 3), low=0, high=255)


def _entries(specs: Specs) -> list[Any]:
    """Input layers that are called as the inputs; 8-bit numbers come in as floats."""
    tf_keras = keras()
    kinds = {"uint8": "float32"}
    return [tf_keras.Input(spec.shape, dtype=kinds.get(spec.dtype, spec.dtype), name=spec.name) for spec in specs]


def described(specs: Specs) -> Any:
    """Ids and amounts, joined before dense layers."""
    layers, entries = keras().layers, _entries(specs)
    words = layers.Flatten()(layers.Embedding(ROWS, 8, name="vocabulary")(entries[0]))
    signal = layers.Concatenate()([words, layers.Dense(16, activation="relu", name="measured")(entries[1])])
    signal = layers.Dense(32, activation="relu", name="joined")(layers.BatchNormalization()(signal))
    return keras().Model(entries, layers.Dense(CLASSES, name="logits")(signal), name="described")


def towers(specs: Specs) -> Any:
    """A user, items of the past and an item, the last two of one table: their products decide."""
    layers, (user, past, item) = keras().layers, _entries(specs)
    table = layers.Embedding(ROWS, 16, name="items")
    liked = layers.GlobalAveragePooling1D()(table(past))
    who = layers.Concatenate()([layers.Embedding(ROWS, 16, name="users")(user), liked])
    match = layers.Multiply()([layers.Dense(16, activation="relu", name="tower")(who), table(item)])
    hidden = layers.Dense(32, activation="relu", name="hidden")(layers.Concatenate()([match, who]))
    return keras().Model([user, past, item], layers.Dense(CLASSES, name="logits")(hidden), name="towers")


def mapped(specs: Specs) -> Any:
    """Amounts and a map of 8-bit numbers, through a convolution each way."""
    layers, (amounts, pixels) = keras().layers, _entries(specs)
    seen = layers.Conv2D(8, 3, activation="relu", name="looked_at")(layers.Rescaling(1 / 255)(pixels))
    measured = layers.Dense(8, activation="relu", name="measured")(amounts)
    signal = layers.Concatenate()([layers.Flatten()(seen), measured])
    signal = layers.Dense(24, activation="relu", name="joined")(signal)
    return keras().Model([amounts, pixels], layers.Dense(CLASSES, name="logits")(signal), name="mapped")


def read(specs: Specs) -> Any:
    """Words alone, through a convolution along them."""
    layers, (words,) = keras().layers, _entries(specs)
    signal = layers.Embedding(ROWS, 12, name="words_table")(words)
    signal = layers.Conv1D(16, 3, activation="relu", name="along")(signal)
    return keras().Model(words, layers.Dense(CLASSES, name="logits")(layers.Flatten()(signal)), name="read")


def weighed(specs: Specs) -> Any:
    """Amounts alone, scaled first."""
    layers, (amounts,) = keras().layers, _entries(specs)
    signal = layers.Dense(48, activation="relu", name="first")(layers.Rescaling(1 / 3)(amounts))
    signal = layers.Dense(32, activation="relu", name="second")(signal)
    return keras().Model(amounts, layers.Dense(CLASSES, name="logits")(signal), name="weighed")


INPUTS: dict[str, Specs] = {
    "described": (_ids("words", (6,)), AMOUNTS),
    "towers": (_ids("user", (), "int64"), _ids("past", (5,)), _ids("item", ())),
    "mapped": (AMOUNTS, MAP),
    "read": (_ids("words", (8,)),),
    "weighed": (AMOUNTS,),
}


def _maker(build: Callable[[Specs], Any]) -> Callable[[], Any]:
    def make() -> Any:
        set_seed(1)
        return build(INPUTS[build.__name__])

    return make


UNLIKE_IMAGES: dict[str, Callable[[], Any]] = {
    build.__name__: _maker(build) for build in (described, towers, mapped, read, weighed)
}


def prepare_inputs(folder: Path, specs: Specs) -> Path:
    """Shards of made-up samples."""
    parts = {split: made_up(specs, COUNTS[split], seed) for seed, split in enumerate(SPLITS)}
    prepare_arrays({split: (inputs, np.arange(len(inputs)) % CLASSES) for split, inputs in parts.items()}, folder)
    return folder
