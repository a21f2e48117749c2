"""Measure networks that predict ratings, on a table of one's own.

    python -m benchmarks.stars PATH [--networks biases asymmetric_svd matrix_factorization] [--epochs 60]
    python -m benchmarks.stars planted

Loads the table with the last item of each user held out, trains each network as the stage ``train`` does it, and prints
the errors of the test split. Nothing here is chosen by these. Of planted ratings it also prints what is expected of
them, than which nothing can be expected to be nearer.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from tasks.backend import set_seed
from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.data_loading.sources.planted import NOISE, Planted
from tasks.learning.building import build_model
from tasks.learning.feeding import fed
from tasks.learning.fitting import Plan
from tasks.learning.solving import train_network
from tasks.samples import read_batches, read_dataset
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.numbers.measuring import NumbersMeasuring
from tasks.workloads.ratings.settings import RatingsAugmentation

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a table of ratings, or planted")
    parser.add_argument("--networks", nargs="*", default=["biases", "asymmetric_svd", "matrix_factorization"])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--forget", type=float, default=0.3)
    options = parser.parse_args()
    source = options.path if options.path == Planted.kind else str(Path(options.path).resolve())
    with tempfile.TemporaryDirectory(prefix="slimline-stars-") as folder:
        os.chdir(folder)
        stars = {"user_table": "matrix_factorization" in options.networks}
        data = data_of("stars").model_validate({"source": source, "workload": "stars", "stars": stars})
        dataset = prepare(data, current_listing(data))
        samples = dataset.splits["test"].samples
        print(f"{dataset.read:,} rows, {int(dataset.target.high) - 1:,} items, {samples:,} test samples")
        if source == Planted.kind:
            print(f"{'best reachable':22} RMSE {NOISE:.4f}")
        measuring, shown = NumbersMeasuring(), False
        for name in options.networks:
            set_seed(1)
            model, began = build_model(name, dataset, options.dropout), time.process_time()
            plan = Plan(
                epochs=options.epochs,
                batch_size=BATCH,
                learning_rate=options.learning_rate,
                seed=1,
                schedule="cosine",
                augmentation=RatingsAugmentation(forget=options.forget),
            )
            train_network(name, model, plan, say=lambda line: None)  # noqa: ARG005
            seconds = time.process_time() - began
            found = [
                measuring.reduced(np.asarray(model(fed(inputs), training=False)), targets)
                for inputs, targets in read_batches("test", 512)
            ]
            answers = Answers(
                *(np.concatenate(parts) for parts in zip(*((a.outputs, a.targets) for a in found), strict=True))
            )
            if not shown:
                for constant in measuring.constants(answers, read_dataset()):
                    tell(f"{constant.name} for each", measuring, constant.answers)
                shown = True
            tell(f"{name} ({seconds:.0f} CPU s)", measuring, answers)


def tell(name: str, measuring: NumbersMeasuring, answers: Answers) -> None:
    for metric in measuring.metrics:
        found = metric.interval(answers)
        print(f"{name:36} {metric.label} {found.value:.4f} ({found.low:.4f} … {found.high:.4f})")


if __name__ == "__main__":
    main()
