from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.backend import keras, set_seed
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate, Step
from tasks.compression.retraining import Distillation, Retraining, retrain, teacher_of
from tasks.compression.step_store import StepStore
from tasks.compression.technique import Subject
from tasks.config import Precision
from tasks.errors import ConfigError
from tasks.learning.saving import copy_model, save_model, weights_digest
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tests.tasks.compression.cases import context
from tests.tasks.training.material import answers, samples, tiny

PRECISIONS: tuple[Precision, ...] = ("float32", "mixed_bfloat16")
FORGETFUL = Retraining(epochs=4, learning_rate=0.01, distillation=Distillation(weight=1.0))

HALF = (
    {"technique": "fine_tune", "epochs": 1},
    {"technique": "distill", "epochs": 1, "hints": {"student": "penultimate", "teacher": "penultimate", "epochs": 1}},
    {"technique": "prune", "sparsity": 0.6, "rounds": 2, "epochs": 1},
)


def untrained() -> Any:
    set_seed(9)
    return tiny()


def test_the_loss_of_the_outcome_is_that_of_every_training_within_a_recipe(prepared: Path) -> None:
    models, losses = [], []
    for outcome in (None, ClassesSettings(weights={"3": 40.0}, focal=2.0, best="f1")):
        model, known = untrained(), context(prepared, outcome=outcome)
        fitted = retrain(model, Retraining(epochs=1, distillation=Distillation(teacher="none")), known)
        models.append(weights_digest(model))
        losses.append(fitted.metrics.keys())
        assert known.learning().metric().name in fitted.metrics
    assert models[0] != models[1]
    assert losses == [{"accuracy"}, {"f1"}]


def test_the_baseline_teaches_unless_the_recipe_says_otherwise(prepared: Path, tmp_path: Path) -> None:
    baseline, other = untrained(), tiny()
    save_model(other, tmp_path / "0.keras")
    known = context(prepared, baseline=baseline, teacher_seed=3, teachers={"strong": [tmp_path / "0.keras"] * 2})
    teacher = teacher_of(Distillation(), known)
    assert teacher is not None
    assert (teacher.members, teacher.seed) == ((baseline,), 3)
    assert teacher_of(Distillation(teacher="none"), known) is None
    strong = teacher_of(Distillation(teacher="strong"), known)
    assert strong is not None
    assert [weights_digest(member) for member in strong.members] == [weights_digest(other)] * 2
    both = teacher_of(Distillation(teacher="baseline+strong"), known)
    assert both is not None
    assert [weights_digest(member) for member in both.members] == [
        weights_digest(baseline),
        *[weights_digest(other)] * 2,
    ]


def test_a_teacher_answers_in_the_precision_that_it_was_trained_in(prepared: Path) -> None:
    known = context(prepared, baseline=untrained())
    images = samples("test", prepared, 64)[0].astype(np.float32)
    exact, rough = (
        teacher_of(Distillation(), replace(known, precisions={"baseline": precision})) for precision in PRECISIONS
    )
    assert exact is not None
    assert rough is not None
    assert exact.digest != rough.digest  # kept answers of the one are not taken for the other's
    assert rough.members[0].get_layer("conv2d").compute_dtype == "bfloat16"
    errors = np.abs(exact.answers()(images) - rough.answers()(images))
    assert 0 < errors.max() < 0.05 * np.abs(exact.answers()(images)).max()


def test_what_is_learned_are_the_teachers_answers(tiny: Any, prepared: Path) -> None:
    """A teacher that calls every class by the next one's name, and a loss in which labels do not count."""
    teacher = copy_model(tiny)
    last = teacher.get_layer("logits")
    last.set_weights([np.roll(weight, 1, axis=-1) for weight in last.get_weights()])
    model = copy_model(tiny)
    retrain(model, FORGETFUL, context(prepared, baseline=teacher), keep_best=False)
    images, labels = samples("test", prepared)
    assert np.mean(answers(model, images).argmax(axis=1) == (labels + 1) % 10) > 0.8


def test_dropout_is_what_the_recipe_says(prepared: Path) -> None:
    model = untrained()
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras().layers.Dropout)]
    assert rates == [0.25]
    retrain(model, Retraining(epochs=1, dropout=0.1), context(prepared))
    assert [layer.rate for layer in model.layers if isinstance(layer, keras().layers.Dropout)] == [0.1]
    retrain(model, Retraining(epochs=1), context(prepared))
    assert [layer.rate for layer in model.layers if isinstance(layer, keras().layers.Dropout)] == [0.1]


@pytest.mark.parametrize("step", HALF, ids=lambda step: step["technique"])
def test_in_16_bits_zeros_stay_and_the_model_is_float32_as_before(
    step: dict[str, Any], tiny: Any, prepared: Path
) -> None:
    sparse = copy_model(tiny)
    kernel, bias = sparse.get_layer("logits").get_weights()
    zeros = np.random.default_rng(1).random(kernel.shape) < 0.5
    sparse.get_layer("logits").set_weights([np.where(zeros, 0, kernel), bias])
    images, labels = samples("test", prepared)
    made = {}
    for precision in PRECISIONS:
        technique, *_ = parse_recipe("r", [{**step, "precision": precision}])
        model = technique.apply(Subject(sparse), context(prepared, baseline=tiny)).subject.network
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        trained = model.get_layer("logits").get_weights()[0]
        assert not np.any(trained[zeros])
        assert not np.array_equal(trained, sparse.get_layer("logits").get_weights()[0])
        assert np.mean(answers(model, images).argmax(axis=1) == labels) > 0.9
        made[precision] = weights_digest(model)
    assert made["float32"] != made["mixed_bfloat16"]


@pytest.mark.parametrize(
    "step",
    [
        {"technique": "cluster", "clusters": 16},
        {"technique": "quantize", "mode": "int8", "training": "qat"},
        {"technique": "prune", "sparsity": 0.5},
    ],
    ids=lambda step: step["technique"],
)
def test_what_cannot_be_trained_in_16_bits_is_refused_before_work_starts(step: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="float32"):
        parse_recipe("r", [{**step, "precision": "mixed_bfloat16"}])


def test_a_teacher_that_there_is_not_is_refused_before_work_starts() -> None:
    step = {"technique": "fine_tune", "epochs": 1, "distillation": {"teacher": "strong"}}
    assert parse_recipe("r", [step], {"strong": None})[0].teachers() == {"strong"}
    together = {**step, "distillation": {"teacher": "baseline+strong"}}
    assert parse_recipe("r", [together], {"strong": None})[0].teachers() == {"strong"}
    with pytest.raises(ConfigError) as caught:
        parse_recipe("r", [step], ["big"])
    assert str(caught.value) == (
        "recipes.r.0.distillation.teacher: expected one of baseline, none, big, or several joined by +. "
        "Received: 'strong'. "
        "Describe it under teachers in params.yaml."
    )


@pytest.mark.parametrize(
    ("teacher", "words"),
    [
        ("none+strong", "expected each teacher once, and none only by itself"),
        ("strong+strong", "expected each teacher once"),
        ("strong+", "pattern"),
        ("Strong", "pattern"),
    ],
)
def test_teachers_that_cannot_teach_together_are_refused(teacher: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Distillation(teacher=teacher)


def test_teachers_together_are_the_same_in_any_order() -> None:
    assert Distillation(teacher="strong+baseline") == Distillation(teacher="baseline+strong")


def test_a_step_that_only_converts_learns_from_nobody() -> None:
    int8 = {"technique": "quantize", "mode": "int8"}
    assert parse_recipe("r", [int8])[0].teachers() == frozenset()
    with pytest.raises(ConfigError, match=r"recipes\.r\.0: expected no distillation here"):
        parse_recipe("r", [{**int8, "distillation": {"teacher": "strong"}}], ["strong"])


def test_a_step_is_another_one_with_another_teacher_of_the_name(prepared: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(
        "r", [{"technique": "fine_tune", "epochs": 1, "distillation": {"teacher": "strong"}}], ["strong"]
    )
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    stores = [
        StepStore(tmp_path, "", context(prepared, teachers={"strong": [tmp_path / name]})) for name in ("one", "two")
    ]
    assert stores[0].digest(recipe) != stores[1].digest(recipe)


@pytest.mark.parametrize(
    ("techniques", "control"),
    [
        (["fine_tune", "convert"], True),
        (["fine_tune", "distill", "convert"], True),
        (["convert"], False),
        (["fine_tune", "quantize"], False),
        (["prune", "fine_tune", "convert"], False),
    ],
)
def test_a_control_trains_and_compresses_nothing(techniques: list[str], control: bool) -> None:
    steps = tuple(
        Step(technique=name, config={}, seconds=0.0, changed=(), skipped=(), promises=()) for name in techniques
    )
    candidate = Candidate(
        recipe="r", steps=steps, bytes=1, sha256="", baseline_weights_sha256="", seconds=0.0, versions={}
    )
    assert candidate.is_control is control
