"""Networks that are trained epoch by epoch, or whose weights are solved for at once."""

import time
from collections.abc import Callable
from pathlib import Path

from tasks.backend import KerasModel
from tasks.learning.fitting import Fitted, Plan, compile_model, fit, numbers_of
from tasks.learning.pipeline import evaluation_batches
from tasks.samples import PREPARED, SplitName, read_dataset
from tasks.workloads import learning_of, outcome_of
from tasks.workloads.augmenting import SolvesNetworks


def train_network(
    name: str,
    model: KerasModel,
    plan: Plan,
    folder: Path = PREPARED,
    backup: Path | None = None,
    say: Callable[[str], None] = print,
) -> Fitted:
    """Train a network as its workload has it.

    Args:
        name: of the network, as params.yaml has it.
        model: the network.
        plan: of a training; the epochs of one that is solved for do not count.
        folder: of the prepared data.
        backup: see :func:`.fitting.fit`.
        say: gets one line an epoch.

    Returns:
        the course of the training, of one row where the weights were solved for.
    """
    learning = learning_of(read_dataset(folder).workload)
    if not isinstance(learning, SolvesNetworks) or not learning.solves(name):
        return fit(model, plan, folder, backup=backup, say=say)
    began = time.perf_counter()
    learning.solve(name, model, folder)
    outcome = outcome_of(folder, plan.outcome)
    compile_model(model, plan, 1, outcome, numbers_of(read_dataset(folder)))
    metric = str(outcome.metric().name)
    row: dict[str, float] = {}
    prefixes: dict[SplitName, str] = {"train": "", "validation": "validation_"}
    for split, before in prefixes.items():
        found = model.evaluate(evaluation_batches(split, 512, folder), verbose=0, return_dict=True)
        row |= {f"{before}loss": float(found["loss"]), f"{before}{metric}": float(found[metric])}
    say(f"solved for: validation {metric.replace('_', ' ')} {row[f'validation_{metric}']:.4f}")
    return Fitted((row | {"seconds": round(time.perf_counter() - began, 2)},), metric, 1)
