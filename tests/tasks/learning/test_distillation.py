from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from tasks.backend import keras, set_seed, tensorflow
from tasks.learning.distillation import Teacher, distillation_loss, metric_of_targets, taught_targets
from tasks.workloads.outcomes.classes.learning import ClassesLearning
from tests.tasks.training.material import SHAPE, tiny


def network(seed: int) -> Any:
    set_seed(seed)
    return tiny()


@pytest.mark.parametrize(("temperature", "weight"), [(1.0, 0.3), (4.0, 0.7), (2.0, 1.0)])
def test_the_loss_is_that_of_hinton_vinyals_and_dean(temperature: float, weight: float) -> None:
    rng = np.random.default_rng(1)
    labels, taught, learned = rng.integers(0, 5, 8), rng.normal(size=(8, 5)) * 3, rng.normal(size=(8, 5)) * 3
    teacher, student = softmax(taught / temperature, axis=1), log_softmax(learned / temperature, axis=1)
    divergence = (teacher * (np.log(teacher) - student)).sum(axis=1)
    cross_entropy = -log_softmax(learned, axis=1)[np.arange(8), labels]
    expected = (1 - weight) * cross_entropy + weight * temperature**2 * divergence
    truth = taught_targets(tensorflow().constant(labels), tensorflow().constant(taught, "float32"))
    loss = distillation_loss(ClassesLearning(), temperature, weight)
    assert np.allclose(loss(truth, learned.astype(np.float32)), expected, rtol=1e-4)
    assert np.allclose(
        loss(tensorflow().constant(labels[:, None]), learned.astype(np.float32)), cross_entropy, rtol=1e-4
    )


def test_accuracy_looks_at_the_label_alone() -> None:
    tf = tensorflow()
    logits, labels = tf.constant([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), tf.constant([1, 0, 1, 1])
    metric = metric_of_targets(ClassesLearning())
    metric.update_state(taught_targets(labels, -9.0 * logits), logits)
    assert float(metric.result()) == 0.75


def test_an_ensemble_answers_with_the_mean_of_its_logits() -> None:
    members = network(1), network(2)
    images = np.random.default_rng(1).uniform(0, 255, (7, *SHAPE)).astype(np.float32)
    expected = np.mean([member(images).numpy() for member in members], axis=0)
    assert np.allclose(Teacher(members, 1.0, 1.0).answers()(images), expected, atol=1e-5)


def test_a_teacher_is_known_by_its_members_and_settings() -> None:
    one, other = network(1), network(2)
    wider = keras().Sequential([keras().Input(SHAPE), keras().layers.Flatten(), keras().layers.Dense(12)])
    teachers = [
        Teacher((one,), 2.0, 0.5),
        Teacher((other,), 2.0, 0.5),
        Teacher((one, other), 2.0, 0.5),
        Teacher((wider,), 2.0, 0.5),
        Teacher((one,), 3.0, 0.5),
        Teacher((one,), 2.0, 0.6),
        Teacher((one,), 2.0, 0.5, seed=1),
    ]
    assert len({repr(teacher) for teacher in teachers}) == len(teachers)
    assert repr(Teacher((network(1),), 2.0, 0.5)) == repr(teachers[0])
