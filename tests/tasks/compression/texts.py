"""Texts of ten frequent words and many rare ones, networks for them, and recipes carried out on these."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import set_seed
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate
from tasks.compression.runner import run_recipe
from tasks.samples import Inputs, SplitName, read_batches, read_contents, read_dataset
from tasks.workloads.text.networks import BUILDERS
from tests.tasks.compression.cases import Steps, context
from tests.tasks.data_loading.test_texts import loaded, sentences, write_csv


def prepare_texts(folder: Path) -> Path:
    loaded(write_csv(folder / "texts.csv", sentences(300)), folder / "prepared")
    return folder / "prepared"


def network(folder: Path, name: str = "text_cnn") -> Any:
    """An untrained network, its table of numbers as large as those of a trained one."""
    set_seed(4)
    dataset = read_dataset(folder)
    (tokens,) = dataset.inputs
    model = BUILDERS[name](tokens.shape[0], int(tokens.high) + 1, 2, 0.0)
    table = model.get_layer("table")
    table.set_weights([np.random.default_rng(1).normal(0, 1, table.get_weights()[0].shape)])
    return model


def carried_out(steps: Steps, model: Any, folder: Path, kept: Path | None = None) -> tuple[bytes, Candidate]:
    """Run a recipe in this process; ``kept`` keeps its finished steps."""
    with tempfile.TemporaryDirectory() as temporary:
        recipe = parse_recipe("small", steps, workload="text")
        return run_recipe("small", recipe, model, context(folder), kept or Path(temporary))


def tokens(folder: Path, split: SplitName = "validation") -> Inputs:
    ((inputs, _),) = list(read_batches(split, 1000, folder))
    return inputs


def contents(folder: Path, split: SplitName = "validation") -> list[str]:
    return [content.decode() for chunk in read_contents(split, 50, folder) for content in chunk]
