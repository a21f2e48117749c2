"""Networks that are trained epoch by epoch, or whose weights are solved for at once."""

import time
from collections.abc import Callable
from pathlib import Path

from tasks.backend import KerasModel
from tasks.learning.fitting import Fitted, Plan, fit
from tasks.learning.pipeline import evaluation_batches
from tasks.samples import PREPARED, SplitName, read_dataset
from tasks.workloads import learning_of, outcome_of
from tasks.workloads.augmenting import SolvesNetworks
from tasks.workloads.protocol import OutcomeSettings


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
    return solve_network(name, model, plan.outcome, folder, say) or fit(model, plan, folder, backup=backup, say=say)


def solve_network(
    name: str, model: KerasModel, settings: OutcomeSettings | None, folder: Path, say: Callable[[str], None]
) -> Fitted | None:
    """Set the weights of a network to those that are solved for.

    Args:
        name: of the network, as params.yaml has it.
        model: the network.
        settings: of the outcome.
        folder: of the prepared data.
        say: is told what validation says.

    Returns:
        the course of it, of one row; None where the network is one to train, which stays as it is.
    """
    learning = learning_of(read_dataset(folder).workload)
    if not isinstance(learning, SolvesNetworks) or not learning.solves(name):
        return None
    began = time.perf_counter()
    learning.solve(name, model, folder)
    outcome = outcome_of(folder, settings)
    model.compile(loss=outcome.loss(), metrics=[outcome.metric()])
    metric = str(outcome.metric().name)
    row: dict[str, float] = {}
    prefixes: dict[SplitName, str] = {"train": "", "validation": "validation_"}
    for split, before in prefixes.items():
        found = model.evaluate(evaluation_batches(split, 512, folder), verbose=0, return_dict=True)
        row |= {f"{before}loss": float(found["loss"]), f"{before}{metric}": float(found[metric])}
    say(f"solved for: validation {metric.replace('_', ' ')} {row[f'validation_{metric}']:.4f}")
    return Fitted((row | {"seconds": round(time.perf_counter() - began, 2)},), metric, 1)
