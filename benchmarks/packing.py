"""Count where the bytes of a packed model go, beside zstd and the entropy of its weights.

    python benchmarks/packing.py [MODEL.tflite …]

Without a file it makes one: the article's CNN with half of the channels, trained for a moment on the digits (enlarged
to 32 × 32 × 3), 85 % of each kernel zero, the rest on 15 levels a layer, converted to int8. Each file is stripped and
packed, unpacked again and compared.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from tasks.compression.strip import strip
from tasks.packing import schema
from tasks.packing.container import breakdown, pack, unpack
from tasks.packing.recording import read_model, record
from tasks.packing.tree import Vector
from tasks.packing.zstd import compress_zstd
from tasks.samples import Inputs

SPARSITY, LEVELS = 0.85, 15


def digits() -> tuple[Any, Any]:
    """The digits as float32 ``[n, 32, 32, 3]``, 0 to 255, and their classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.kron(found.images, np.ones((4, 4))) * (255 / 16)
    return np.repeat(images[..., None], 3, axis=-1).astype(np.float32), found.target


def make_model() -> bytes:
    """The model that the module's docstring tells of."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    from tasks.backend import keras, set_seed
    from tasks.compression.quantization.modes import configurations
    from tasks.compression.sparsity.constraint import hold_zeros
    from tasks.learning.conversion import convert, fold_scaling

    set_seed(1)
    tf_keras, layers = keras(), keras().layers
    model = tf_keras.Sequential(
        [
            tf_keras.Input((32, 32, 3), name="image"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, name="logits"),
        ]
    )
    images, classes = digits()
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    for share in (0.0, 0.6, SPARSITY):
        for layer in kernels:
            values = layer.kernel.numpy()
            layer.kernel.assign(np.where(np.abs(values) > np.quantile(np.abs(values), share), values, 0))
            hold_zeros(layer.kernel)
        model.compile(tf_keras.optimizers.Adam(0.002), loss)
        model.fit(images, classes, epochs=4, batch_size=64, verbose=0)
    for layer in kernels:
        values = layer.kernel.numpy()
        step = np.abs(values).max() / (LEVELS // 2)
        layer.kernel.assign(np.sign(values) * np.ceil(np.abs(values) / step - 0.5) * step)
    configure = configurations(lambda: iter(Inputs({"image": images[:200]})))["int8"]
    return convert(fold_scaling(model), configure, float_input=True)


def entropy(content: bytes) -> float:
    """Bytes of all int8 kernels of a file if nothing were known but how often each value is in each."""
    tree = record(read_model(content))
    total = 0.0
    for number, constant in schema.constants(tree).items():
        data = schema.items(tree.fields[schema.BUFFERS])[number].fields.get(0)
        if constant.type == schema.INT8 and isinstance(data, Vector):
            _, counts = np.unique(np.frombuffer(data.data, np.int8), return_counts=True)
            total -= float((counts * np.log2(counts / counts.sum())).sum() / 8)
    return total


def measure(name: str, content: bytes) -> None:
    stripped, _ = strip(content)
    clock = time.perf_counter()
    packed = pack(stripped)
    packing, clock = time.perf_counter() - clock, time.perf_counter()
    if unpack(packed, len(stripped)) != stripped:
        raise SystemExit(f"{name}: unpacked to another file")
    unpacking = time.perf_counter() - clock
    print(f"\n{name}: packed in {packing:.2f} s, unpacked in {unpacking:.2f} s\n")
    rows = {
        "as the converter makes it": f"{len(content):,}",
        "the same in zstd": f"{len(compress_zstd(content)):,}",
        "stripped": f"{len(stripped):,}",
        "stripped, in zstd": f"{len(compress_zstd(stripped)):,}",
        "packed": f"{len(packed):,}",
        "entropy of the int8 kernels, order 0": f"{entropy(stripped):,.0f}",
    }
    print("| | bytes |\n|---|---|")
    for label, cell in [*rows.items(), *((f"— {part}", f"{size:,.1f}") for part, size in breakdown(stripped).items())]:
        print(f"| {label} | {cell} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    models = parser.parse_args().models
    for path in models:
        measure(path.name, path.read_bytes())
    if not models:
        measure("half of the article's CNN", make_model())


if __name__ == "__main__":
    main()
