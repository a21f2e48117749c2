"""Measure what bias correction changes in quantized files of a trained network: a Markdown table.

In a project where the line has run: its baseline is quantized from its prepared data and asked about the test split.
Differences are paired, to the baseline's float file; agreement is how many of its answers a file gives.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cifar10 import inside, print_table
from tasks.compression.quantization.float_file import run_file
from tasks.compression.technique import Context, Subject
from tasks.compression.techniques.quantize import Quantize
from tasks.learning.conversion import to_tflite
from tasks.learning.saving import load_model
from tasks.samples import read_batches
from tasks.statistics import tango, wilson
from tasks.training.records import BASELINE_KERAS
from tasks.wording import percent, points, points_interval

MODES: tuple[dict[str, Any], ...] = (
    {"mode": "int8"},
    {"mode": "int8", "granularity": "per_tensor"},
    {"mode": "int4"},
    {"mode": "int4", "block": 32},
)
HEAD = ("quantize", "biases", "test accuracy", "difference, points (95 %)", "agreement (95 %)")
MOST = 1 << 30  # images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path, help="a folder in which the line has run")
    with inside(parser.parse_args().project):
        model = load_model(BASELINE_KERAS)
        images, labels = next(read_batches("test", MOST))
        own = run_file(to_tflite(model), images).argmax(axis=1)
        rows = []
        for settings in MODES:
            for corrected in (False, True):
                technique = Quantize.read({"technique": "quantize", **settings, "bias_correction": corrected})
                file = technique.apply(Subject(model), Context(seed=1, batch_size=1)).subject.flatbuffer
                answers = run_file(file, images).argmax(axis=1)
                better = np.sum((answers == labels) & (own != labels))
                worse = np.sum((own == labels) & (answers != labels))
                seen = tango(int(better), int(worse), len(labels), 0.95)
                alike = wilson(int(np.sum(answers == own)), len(labels), 0.95)
                rows.append(
                    (
                        ", ".join(f"{key}: {value}" for key, value in settings.items()),
                        "corrected" if corrected else "",
                        percent(float(np.mean(answers == labels))),
                        f"{points(seen.value)} ({points_interval(seen)})",
                        f"{percent(alike.value)} ({percent(alike.low)} … {percent(alike.high)})",
                    )
                )
    print_table(HEAD, rows)


if __name__ == "__main__":
    main()
