import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.learning.distillation import Teacher
from tasks.learning.fitting import Plan, fit
from tasks.learning.pipeline import each_epoch
from tasks.learning.saving import weights_digest
from tasks.learning.teacher_cache import UNUSED, VIEWS, TeacherCache
from tasks.workloads.image.settings import ImageAugmentation
from tests.tasks.training.material import CLASSES, SHAPE, Stopped, answers, samples, stopping_after

CHANGED = ImageAugmentation(shift=0.06, contrast=0.3)
PLAN = Plan(epochs=3, batch_size=128, learning_rate=0.01, seed=3, augmentation=CHANGED)


def student(seed: int = 1) -> Any:
    set_seed(seed)
    layers = keras().layers
    stack = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(CLASSES, name="logits")]
    return keras().Sequential([keras().Input(SHAPE), *stack])


def train(plan: Plan, folder: Path, **more: Any) -> str:
    model = student()
    fit(model, plan, folder, **{"say": lambda _: None, **more})
    return weights_digest(model)


@pytest.fixture(scope="module")
def teacher(tiny: Any) -> Teacher:
    return Teacher((tiny,), 2.0, 0.8)


def learned(taught: TeacherCache, view: int) -> tuple[Any, Any, Any]:
    """Images, labels and the teacher's logits of a view."""
    pairs = list(each_epoch(view, view + 1, taught.batches).as_numpy_iterator())
    images, truth = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return images, truth[:, 0], truth[:, 1:]


@pytest.mark.parametrize("augmentation", [ImageAugmentation(), CHANGED])
def test_each_image_comes_with_the_teachers_answer_to_it(
    teacher: Teacher, tiny: Any, prepared: Path, tmp_path: Path, augmentation: ImageAugmentation
) -> None:
    taught = TeacherCache(teacher, 128, augmentation, prepared, tmp_path)
    set_seed(1)
    taught.fill([4, 9], lambda _: None)
    set_seed(2)  # as the next step of a recipe does
    first, second = learned(taught, 4), learned(taught, 9)
    for images, labels, logits in (first, second):
        assert len(images) == 967
        assert np.allclose(logits, answers(tiny, images), atol=1e-3)
        assert np.mean(answers(tiny, images).argmax(axis=1) == labels) > 0.6
    assert not np.array_equal(first[1], second[1])


def test_the_teacher_is_asked_once_about_each_view(teacher: Teacher, prepared: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    plan = replace(PLAN, teacher=teacher)
    first = train(plan, prepared, cache=tmp_path, say=lines.append)
    assert lines[0] == "asks the teacher about 3 views of the training split"
    written = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    assert len(written) == 3
    again: list[str] = []
    assert train(plan, prepared, cache=tmp_path, say=again.append) == first
    assert again[0].startswith("epoch 1/")
    train(replace(plan, seed=plan.seed + VIEWS, epochs=2), prepared, cache=tmp_path)  # goes round the same views
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == written
    train(replace(plan, code="another", epochs=1), prepared, cache=tmp_path)  # other code may answer otherwise
    assert len(list(tmp_path.iterdir())) == 4


def test_without_augmentation_one_answer_to_each_image_serves_all_epochs(
    teacher: Teacher, prepared: Path, tmp_path: Path
) -> None:
    train(replace(PLAN, teacher=teacher, augmentation=ImageAugmentation()), prepared, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_training_with_a_teacher_repeats_and_resumes_exactly(
    teacher: Teacher, prepared: Path, tmp_path: Path
) -> None:
    plan = replace(PLAN, teacher=teacher)
    whole = train(plan, prepared)
    assert train(plan, prepared) == whole
    with pytest.raises(Stopped):
        train(plan, prepared, backup=tmp_path, say=stopping_after(1, []))
    lines: list[str] = []
    assert train(plan, prepared, backup=tmp_path, say=lines.append) == whole
    assert lines[0] == "goes on after epoch 1"
    assert train(replace(plan, teacher=None), prepared) != whole


def test_a_backup_is_known_by_its_teacher_too(teacher: Teacher, prepared: Path) -> None:
    plans = [
        PLAN,
        replace(PLAN, teacher=teacher),
        replace(PLAN, teacher=replace(teacher, temperature=3.0)),
        replace(PLAN, teacher=replace(teacher, members=(student(2),))),
    ]
    assert len({plan.digest(student(), prepared) for plan in plans}) == len(plans)


def test_a_student_without_labels_comes_to_answer_as_its_teacher(teacher: Teacher, tiny: Any, prepared: Path) -> None:
    """The last layer is forgotten; answers alone bring it back."""
    set_seed(1)
    model = keras().models.clone_model(tiny)
    for layer, known in zip(model.layers[:-1], tiny.layers[:-1], strict=True):
        layer.set_weights(known.get_weights())
    only = replace(teacher, weight=1.0)
    fit(model, Plan(12, 32, 0.01, seed=1, schedule="cosine", teacher=only), prepared, say=lambda _: None)
    images = samples("test", prepared)[0]
    assert np.mean(answers(model, images).argmax(axis=1) == answers(tiny, images).argmax(axis=1)) > 0.97


def test_answers_that_nobody_asks_for_any_more_are_forgotten(teacher: Teacher, prepared: Path, tmp_path: Path) -> None:
    taught = TeacherCache(teacher, 128, CHANGED, prepared, tmp_path)
    taught.fill([1, 2], lambda _: None)
    first, second = sorted(tmp_path.iterdir())
    month_ago = time.time() - UNUSED - 1
    for path in (first, second):
        os.utime(path, (month_ago, month_ago))
    taught.fill([1], lambda _: None)
    (left,) = tmp_path.iterdir()
    assert left == taught._file(1)
    assert left in {first, second}  # asked about once
