"""Networks that nobody thought of are compressed right, or refused."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

from tasks.compression.recipe import parse_recipe
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Context
from tasks.errors import SlimlineError
from tasks.learning.conversion import to_tflite
from tests.tasks.compression.cases import Steps
from tests.tasks.compression.zoo.graphs import PLANS, SHAPE, Plan, build
from tests.tasks.compression.zoo.pictures import draw, prepare_pictures
from tests.tasks.compression.zoo.steps import ZOO_CASES
from tests.tasks.compression.zoo.verdict import LEAST_DB, SAME_FLOAT_DB, decibels, logits

BUSY: tuple[HealthCheck, ...] = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
TWICE: Plan = (("twice", 0, 0), ("attended", 0, 1))
MIXED: Plan = (("nested", 0, 2), ("squeezed", 0, 1), ("grouped", 0, 1))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_pictures(tmp_path_factory.mktemp("pictures"), SHAPE)


def assert_same(model: Any, file: bytes, least: float) -> None:
    images = draw(8, SHAPE, 3)
    assert decibels(np.asarray(model(images.astype(np.float32), training=False)), logits(file, images)) > least


def check(plan: Plan, steps: Steps, pictures: Path, least: float | None) -> None:
    """A recipe ends right or with a sentence, whatever the graph."""
    model = build(plan)
    context = Context(seed=1, batch_size=64, prepared=pictures, say=lambda _: None)
    with tempfile.TemporaryDirectory() as folder:
        try:
            file, candidate = run_recipe("r", parse_recipe("r", steps), model, context, Path(folder))
        except SlimlineError:
            return
    assert all(promise.holds for promise in candidate.steps[-1].promises)
    if least is not None:
        assert_same(model, file, least)


@settings(max_examples=6, suppress_health_check=BUSY)
@given(PLANS)
@example(TWICE)
def test_a_float_file_computes_what_its_network_does(plan: Plan) -> None:
    model = build(plan)
    assert_same(model, to_tflite(model), SAME_FLOAT_DB)


@settings(max_examples=3, suppress_health_check=BUSY)
@given(PLANS)
@example(MIXED)
def test_four_bits_are_four_bits_or_refused(pictures: Path, plan: Plan) -> None:
    check(plan, ZOO_CASES["int4"], pictures, LEAST_DB["int4"])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["half the channels", "prune n:m", "cluster grid", "factorize", "columns", "int8"])
@settings(max_examples=30, suppress_health_check=BUSY)
@given(plan=PLANS)
def test_no_graph_ends_in_a_traceback(pictures: Path, case: str, plan: Plan) -> None:
    check(plan, ZOO_CASES[case], pictures, LEAST_DB["int8"] if case == "int8" else None)
