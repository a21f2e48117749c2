"""Measure networks for ratings beside popularity, iALS and EASE, on a table of one's own.

    python -m benchmarks.ratings PATH [--networks fism denoising_autoencoder] [--width 64] [--epochs 80]
    python -m benchmarks.ratings planted
    python -m benchmarks.ratings PATH --implicit OTHER/bin/python    # which has implicit; slimline needs it not

Loads the table with the last item of each user held out, trains each network as the stage ``train`` does it, and prints
the figures of the test split: all items ranked, and 100 of them. Nothing here is chosen by these figures. Of planted
factors it also prints what the factors themselves reach, than which nothing can be expected to be better. The models of
implicit learn of the histories that the test asks about, the item of validation included, with fixed settings.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.backend import set_seed
from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.data_loading.sources.planted import Planted, scores
from tasks.learning.building import build_model
from tasks.learning.feeding import fed
from tasks.learning.fitting import Plan
from tasks.learning.solving import train_network
from tasks.samples import read_assets, read_batches, read_contents, read_dataset
from tasks.workloads.outcomes.ranking.ranks import FIGURES, figures_of, popularity
from tasks.workloads.outcomes.ranking.references import NAMES, known_of, references
from tasks.workloads.ratings.histories import history_of
from tasks.workloads.ratings.items import FILE, Known
from tasks.workloads.ratings.networks import autoencoders
from tasks.workloads.ratings.settings import RatingsAugmentation

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a table of ratings, or planted")
    parser.add_argument("--networks", nargs="*", default=["fism", "denoising_autoencoder"])
    parser.add_argument("--width", type=int, default=autoencoders.WIDTH, help="numbers of an item's row")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--forget", type=float, default=0.3)
    parser.add_argument("--implicit", type=Path, help="a Python that has implicit")
    options = parser.parse_args()
    options.implicit = options.implicit and options.implicit.absolute()
    source = options.path if options.path == Planted.kind else str(Path(options.path).resolve())
    autoencoders.WIDTH = options.width
    with tempfile.TemporaryDirectory(prefix="slimline-ratings-") as folder:
        os.chdir(folder)
        data = data_of("ratings").model_validate({"source": source, "workload": "ratings"})
        dataset = prepare(data, current_listing(data))
        samples = dataset.splits["test"].samples
        print(f"{dataset.read:,} rows, {int(dataset.target.high):,} items, {samples:,} test samples")
        print(f"{'':22}{''.join(f'{name:>18}' for name in FIGURES)}   CPU s")
        best = reachable() if source == Planted.kind else ()
        for name, found, seconds in chain(best, beside(), third_parties(options.implicit), trained(options)):
            means = found[:, : len(FIGURES)].mean(axis=0)
            print(f"{name:22}{''.join(f'{mean:18.4f}' for mean in means)}{seconds:8.1f}")


def test_targets() -> Array:
    return np.concatenate([targets for _, targets in read_batches("test", 512)])


def reachable() -> Iterator[tuple[str, Array, float]]:
    """Yield the figures of the scores by which users of planted factors choose."""
    items = Known.of_bytes(read_assets()[FILE]).items
    columns = [int(name.removeprefix("i")) for name in items]
    parts = []
    for (_, targets), contents in zip(read_batches("test", 512), read_contents("test", 512), strict=True):
        users = [int(history_of(content).user.removeprefix("u")) for content in contents]
        parts.append(figures_of(scores()[np.ix_(users, columns)], targets))
    yield "best reachable", np.concatenate(parts), 0.0


def beside() -> Iterator[tuple[str, Array, float]]:
    """Yield the figures of popularity, iALS and EASE."""
    targets, items = test_targets(), int(read_dataset().target.high)
    yield "popularity", popularity(items, targets), 0.0
    began = time.process_time()
    made = references()
    seconds = time.process_time() - began
    for name, found in zip(NAMES, made.scores(known_of(targets, items)), strict=False):
        yield name, figures_of(found, targets), seconds


def third_parties(python: Path | None) -> Iterator[tuple[str, Array, float]]:
    """Yield the figures of implicit's models, learned of the histories that the test asks about."""
    if python is None:
        return
    targets, items = test_targets(), int(read_dataset().target.high)
    known = known_of(targets, items)
    user = np.repeat(np.arange(len(known)), [len(rows) for rows in known])
    with tempfile.TemporaryDirectory(prefix="slimline-implicit-") as folder:
        np.savez(Path(folder) / "histories.npz", user=user, item=np.concatenate(known), shape=(len(known), items))
        script = Path(__file__).with_name("implicit_models.py")
        done = subprocess.run([python, script, folder], capture_output=True, text=True, check=True)
        for name, seconds in json.loads(done.stdout.splitlines()[-1]).items():
            yield name, figures_of(np.load(Path(folder) / f"{name}.npy"), targets), seconds


def trained(options: argparse.Namespace) -> Iterator[tuple[str, Array, float]]:
    """Yield the figures of networks."""
    dataset = read_dataset()
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
            figures_of(np.asarray(model(fed(inputs), training=False)), targets)
            for inputs, targets in read_batches("test", 512)
        ]
        yield name, np.concatenate(found), seconds


if __name__ == "__main__":
    main()
