"""Measure what the range of 4-bit weights does to ResNet-8 on the built-in digits: a Markdown table.

For each seed the network is trained anew and stored as int4 with each range for all layers, and with the one that is
measured for each. Ranges are chosen on training images; the accuracy is that of the test split.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cifar10 import print_table
from tasks.backend import set_seed
from tasks.compression.quantization.float_file import run_file
from tasks.compression.technique import Context, Subject
from tasks.compression.techniques.quantize import Quantize
from tasks.config import Data
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.learning.conversion import to_tflite
from tasks.learning.fitting import Plan, fit
from tasks.samples import read_batches
from tasks.wording import percent
from tasks.workloads.image.networks import BUILDERS

RANGES = ("minmax", "mse", "octav", "measured")
SHAPE, CLASSES, EPOCHS, MOST = (16, 16, 1), 10, 12, 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as folder:
        data = Data.model_validate({"source": "digits", "split": {"validation": 0.15, "test": 0.3}})
        prepare(data, current_listing(data), Path(folder))
        rows = [row for seed in seeds for row in _rows(seed, Path(folder))]
    print_table(("seed", "weight_range", "test accuracy", "bytes", "chosen"), rows)


def _rows(seed: int, prepared: Path) -> list[tuple[str, ...]]:
    set_seed(seed)
    model = BUILDERS["resnet8"](SHAPE, CLASSES, 0.0)
    fit(model, Plan(epochs=EPOCHS, batch_size=64, learning_rate=0.002, seed=seed), prepared, say=lambda _: None)
    images, labels = next(read_batches("test", MOST, prepared))

    def row(name: str, flatbuffer: bytes, chosen: str = "") -> tuple[str, ...]:
        accuracy = float(np.mean(run_file(flatbuffer, images).argmax(axis=1) == labels))
        return str(seed), name, percent(accuracy), f"{len(flatbuffer):,}", chosen

    rows = [row("float32", to_tflite(model))]
    for over in RANGES:
        technique = Quantize.read({"technique": "quantize", "mode": "int4", "weight_range": over})
        result = technique.apply(Subject(model), Context(seed=1, batch_size=1, prepared=prepared))
        rows.append(row(over, result.subject.flatbuffer, _chosen(result.details)))
    return rows


def _chosen(details: Any) -> str:
    counts = Counter(each["range"] for each in details["weight_ranges"].values())
    return ", ".join(f"{count} {over}" for over, count in sorted(counts.items()))


if __name__ == "__main__":
    main()
