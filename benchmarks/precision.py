"""A training step and a teacher's answers in mixed_bfloat16 beside float32, for the built-in networks: a table.

Both take turns at the same random images of 32 × 32 × 3; the first time of each, which traces it, does not count.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from tasks.backend import set_seed, tensorflow
from tasks.config import Precision
from tasks.learning.distillation import Teacher
from tasks.learning.fitting import Plan, compile_model
from tasks.learning.precision import in_precision
from tasks.workloads.image.networks import BUILDERS
from tasks.workloads.outcomes.classes.learning import ClassesLearning

SHAPE, CLASSES = (32, 32, 3), 10
PRECISIONS: tuple[Precision, ...] = ("float32", "mixed_bfloat16")
BESIDE = ("mixed_bfloat16", "times as fast")
HEAD = ("network", "a step: float32, ms", *BESIDE, "answers: float32, ms", *BESIDE)


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
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for name in options.models:
        set_seed(1)
        models = {precision: in_precision(BUILDERS[name](SHAPE, CLASSES, 0.0), precision) for precision in PRECISIONS}
        for model in models.values():
            compile_model(model, Plan(1, options.batch, 0.001, 1), 1, ClassesLearning())
        steps = {precision: partial(model.train_on_batch, *batch) for precision, model in models.items()}
        answers = {
            precision: partial(Teacher((model,), 4.0, 0.7).answers(), batch[0]) for precision, model in models.items()
        }
        cells = [_compare(steps, options.rounds), _compare(answers, options.rounds)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _compare(works: Mapping[Precision, Callable[[], object]], rounds: int) -> str:
    """Milliseconds of each, by turns, and how many times as fast the last is."""
    times: dict[Precision, list[float]] = {precision: [] for precision in PRECISIONS}
    for work in works.values():
        work()
    for _ in range(rounds):
        for precision, work in works.items():
            began = time.perf_counter()
            work()
            times[precision].append(time.perf_counter() - began)
    exact, rough = (float(np.median(times[precision])) * 1000 for precision in PRECISIONS)
    return f"{exact:.1f} | {rough:.1f} | {exact / rough:.2f}"


if __name__ == "__main__":
    main()
