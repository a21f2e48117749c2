"""What a training step takes in mixed_bfloat16 beside float32, for the built-in networks: a table.

Both take turns at the same random images of 32 × 32 × 3; the first step of each, which traces it, does not count.
"""

import argparse
import time
from typing import Any

import numpy as np

from tasks.config import Precision
from tasks.training.backend import set_seed, tensorflow
from tasks.training.fitting import Plan, compile_model
from tasks.training.models import BUILDERS, build_model
from tasks.training.precision import in_precision

SHAPE, CLASSES = (32, 32, 3), 10
PRECISIONS: tuple[Precision, ...] = ("float32", "mixed_bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(BUILDERS))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    batch = (
        tensorflow().constant(random.integers(0, 256, (options.batch, *SHAPE)), "float32"),
        tensorflow().constant(random.integers(0, CLASSES, options.batch)),
    )
    print("| network | float32, ms a step | mixed_bfloat16 | times as fast |\n|---|---|---|---|")
    for name in options.models:
        set_seed(1)
        models = {
            precision: in_precision(build_model(name, SHAPE, CLASSES, 0.0), precision) for precision in PRECISIONS
        }
        for model in models.values():
            compile_model(model, Plan(1, options.batch, 0.001, 1), 1)
            model.train_on_batch(*batch)
        times: dict[Precision, list[float]] = {precision: [] for precision in PRECISIONS}
        for _ in range(options.rounds):
            for precision, model in models.items():
                times[precision].append(_seconds(model, batch))
        exact, rough = (float(np.median(times[precision])) * 1000 for precision in PRECISIONS)
        print(f"| {name} | {exact:.1f} | {rough:.1f} | {exact / rough:.2f} |", flush=True)


def _seconds(model: Any, batch: tuple[Any, Any]) -> float:
    began = time.perf_counter()
    model.train_on_batch(*batch)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
