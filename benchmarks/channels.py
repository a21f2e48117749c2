"""Measure what channel pruning costs before any training, by criterion, with and without repair: a Markdown table.

``--project`` is a folder in which the line has run; its baseline is pruned and asked the validation split.
"""

import argparse
import os
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tasks.backend import set_seed
from tasks.compression.channels.criteria import Criterion
from tasks.compression.technique import Context, Subject
from tasks.compression.techniques.prune_channels import PruneChannels
from tasks.learning.feeding import fed
from tasks.learning.saving import load_model
from tasks.samples import read_batches
from tasks.training.records import BASELINE_KERAS

DEFAULT = [name for name in get_args(Criterion) if name not in {"greedy", "batch_norm_scale"}]


def accuracy(model: Any) -> float:
    """On the validation split."""
    right = [
        np.asarray(model(fed(images), training=False)).argmax(axis=1) == labels
        for images, labels in read_batches("validation", 500)
    ]
    return float(np.concatenate(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--metric", default="macs")
    parser.add_argument("--ratio", type=float, default=0.25)
    parser.add_argument("--criteria", nargs="*", default=DEFAULT)
    options = parser.parse_args()
    os.chdir(options.project)
    set_seed(1)
    baseline = load_model(BASELINE_KERAS)
    context = Context(1, 128, say=lambda _: None)
    print(f"baseline: {accuracy(baseline):.2%}, {baseline.count_params():,} parameters", flush=True)
    print("| criterion | allocation | as pruned | with repair | parameters |\n|---|---|---|---|---|", flush=True)
    for criterion in options.criteria:
        for allocation in ("uniform", "global"):
            cells = []
            for repair in ("none", "least_squares"):
                config = {"criterion": criterion, "allocation": allocation, "repair": repair}
                budget = {"metric": options.metric, "max_ratio": options.ratio}
                technique = PruneChannels.model_validate({"technique": "prune_channels", "budget": budget, **config})
                pruned = technique.apply(Subject(baseline), context).subject.network
                cells.append(f"{accuracy(pruned):.2%}")
            print(f"| {criterion} | {allocation} | {' | '.join(cells)} | {pruned.count_params():,} |", flush=True)


if __name__ == "__main__":
    main()
