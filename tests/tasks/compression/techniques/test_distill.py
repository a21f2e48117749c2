from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.backend import keras, set_seed
from tasks.compression.technique import Subject
from tasks.compression.techniques import distill as steps
from tasks.compression.techniques.distill import Distill
from tasks.compression.weights import values as kernels
from tasks.errors import CompressionError, TrainingError
from tasks.learning.hints import features, match
from tasks.learning.saving import copy_model
from tasks.workloads.outcomes.classes.learning import ClassesLearning
from tests.tasks.compression.cases import context
from tests.tasks.training.material import CLASSES, SHAPE, answers, samples

HINTS = {"student": "conv2d", "teacher": "conv2d", "epochs": 10, "learning_rate": 0.01}


def network(filters: int, strides: int = 2, dense: int = 0) -> Any:
    set_seed(7)
    layers = keras().layers
    more = [layers.Dense(dense, activation="relu", name="hidden")] if dense else []
    return keras().Sequential(
        [
            keras().Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(filters, 3, strides=strides, padding="same", activation="relu", name="conv2d"),
            layers.Flatten(),
            *more,
            layers.Dense(CLASSES, name="logits"),
        ]
    )


def distill(model: Any, teacher: Any, prepared: Path, **settings: Any) -> Any:
    technique = Distill.model_validate({"technique": "distill", "epochs": 1, **settings})
    return technique.apply(Subject(model), context(prepared, baseline=teacher)).subject.network


def explained(model: Any, teacher: Any, prepared: Path) -> float:
    """Share of the variance of the teacher's feature maps that the student's give."""
    images = samples("test", prepared, 200)[0].astype(np.float32)
    own, theirs = (np.asarray(keras().Model(each.input, features(each, "conv2d"))(images)) for each in (model, teacher))
    return float(1 - np.square(own - theirs).sum() / np.square(theirs - theirs.mean(axis=0)).sum())


def test_hints_make_a_layer_give_what_the_teachers_layer_gives(tiny: Any, prepared: Path) -> None:
    set_seed(9)
    student = keras().models.clone_model(tiny)
    assert explained(student, tiny, prepared) < 0.2
    only_answers = distill(student, tiny, prepared, learning_rate=0.001)
    with_hints = distill(student, tiny, prepared, learning_rate=0.001, hints=HINTS)
    assert explained(only_answers, tiny, prepared) < 0.5
    assert explained(with_hints, tiny, prepared) > 0.65


def test_hints_are_computed_in_float32_whatever_the_teacher_was_trained_in(
    tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def look(student: Any, own: str, teacher: Any, theirs: str, seed: int) -> Any:
        seen.append({layer.compute_dtype for layer in teacher.layers})
        return match(student, own, teacher, theirs, seed)

    monkeypatch.setattr(steps, "match", look)
    technique = Distill.model_validate({"technique": "distill", "epochs": 1, "hints": {"epochs": 1}})
    technique.apply(Subject(network(5)), context(prepared, baseline=tiny, precisions={"baseline": "mixed_bfloat16"}))
    assert seen == [{"float32"}]


def test_the_regressor_between_layers_of_other_widths_is_dropped(tiny: Any, prepared: Path) -> None:
    narrow = network(5)
    result = distill(narrow, tiny, prepared, hints={"epochs": 1})
    assert [layer.name for layer in result.layers] == [layer.name for layer in narrow.layers]
    assert [weight.shape for weight in result.get_weights()] == [weight.shape for weight in narrow.get_weights()]


@pytest.mark.parametrize(
    ("student", "teacher", "layers", "width"),
    [
        ({"filters": 5}, {"filters": 5}, ("conv2d", "conv2d"), 8 * 8 * 5),  # place by place
        ({"filters": 5}, {"filters": 9}, ("conv2d", "conv2d"), 8 * 8 * 9),  # through a 1 × 1 convolution
        ({"filters": 5}, {"filters": 9, "strides": 1}, ("conv2d", "conv2d"), 8 * 8 * 9),  # to the student's grid
        (
            {"filters": 5, "dense": 6},
            {"filters": 9, "dense": 12},
            ("penultimate", "penultimate"),
            12,
        ),  # through a dense layer
        ({"filters": 5, "dense": 6}, {"filters": 9}, ("hidden", "conv2d"), 9),  # by the mean over all places
    ],
)
def test_features_are_brought_to_one_form(
    student: dict[str, int], teacher: dict[str, int], layers: tuple[str, str], width: int, prepared: Path
) -> None:
    own, others = network(**student), network(**teacher)
    matched, hints = match(own, layers[0], others, layers[1], 0)
    images = samples("test", prepared, 3)[0].astype(np.float32)
    assert hints.answer(images).shape == (3, width)
    assert matched(images).shape == (3, CLASSES + width)
    assert np.allclose(matched(images)[:, :CLASSES], answers(own, samples("test", prepared, 3)[0]), atol=1e-4)
    loss = hints.loss(ClassesLearning())
    wanted = np.concatenate([np.zeros((3, 1)), hints.answer(images)], axis=1).astype(np.float32)
    given = np.concatenate([np.zeros((3, CLASSES)), hints.answer(images) + 2.0], axis=1).astype(np.float32)
    assert np.allclose(loss(wanted, given), 4.0, atol=1e-4)


def test_zeros_stay_while_the_student_learns(tiny: Any, prepared: Path) -> None:
    model = copy_model(tiny)
    rng = np.random.default_rng(1)
    for name, kernel in kernels(model).items():
        others = model.get_layer(name).get_weights()[1:]
        model.get_layer(name).set_weights([kernel * (rng.random(kernel.shape) > 0.5), *others])
    after = kernels(distill(model, tiny, prepared, hints={"epochs": 1}))
    for name, kernel in kernels(model).items():
        assert np.array_equal(after[name] == 0, kernel == 0)
        assert not np.array_equal(after[name], kernel)


def test_a_layer_that_there_is_not_is_named(tiny: Any, prepared: Path) -> None:
    with pytest.raises(CompressionError, match=r"hints: expected names of a layer .* Received: No such layer: third"):
        distill(tiny, tiny, prepared, hints={"student": "third", "epochs": 1})


def test_without_a_teacher_there_is_nothing_to_distill() -> None:
    with pytest.raises(ValidationError, match="expected a teacher to learn from"):
        Distill.model_validate({"technique": "distill", "epochs": 1, "distillation": {"teacher": "none"}})


def test_a_student_of_another_architecture_takes_the_networks_place(tiny: Any, prepared: Path) -> None:
    technique = Distill.model_validate({"technique": "distill", "epochs": 1, "student": {"model": "mobilenet_small"}})
    before = kernels(tiny)
    result = technique.apply(Subject(tiny), context(prepared, baseline=tiny))
    student = result.subject.network
    assert student.name != tiny.name
    assert student.output_shape == tiny.output_shape
    assert {layer.name for layer in tiny.layers} | set(before) == result.outdated
    assert set(result.changed) == {layer.name for layer in student.layers if layer.weights}
    assert technique.networks() == {"mobilenet_small"}
    assert technique.keeps() == frozenset()
    assert kernels(tiny).keys() == before.keys()


def test_a_student_with_options_that_its_function_has_not_is_refused(tiny: Any, prepared: Path) -> None:
    student = {"model": "article_cnn", "options": {"depth": 3}}
    technique = Distill.model_validate({"technique": "distill", "epochs": 1, "student": student})
    with pytest.raises(TrainingError, match="options of article_cnn: it has none"):
        technique.apply(Subject(tiny), context(prepared, baseline=tiny))
