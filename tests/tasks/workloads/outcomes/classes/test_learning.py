from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.utils.class_weight import compute_class_weight

from tasks.backend import keras, tensorflow
from tasks.errors import ConfigError
from tasks.samples import SPLITS, Dataset, Part
from tasks.workloads import outcome_of
from tasks.workloads.outcomes.classes.learning import ClassesLearning, weights_of
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tasks.workloads.protocol import OutcomeSettings

COUNTS = {"ham": 900, "spam": 90, "scam": 10, "gone": 0}


def dataset() -> Dataset:
    part = Part(samples=sum(COUNTS.values()), per_class=COUNTS, shards=())
    return Dataset(
        workload="image",
        source_digest="d" * 64,
        classes=tuple(COUNTS),
        inputs=(),
        splits=dict.fromkeys(SPLITS, part),
        read=0,
        refused_samples=0,
        refused=(),
        kept_out_samples=0,
        kept_out=(),
        notes=(),
    )


def learning(**settings: object) -> ClassesLearning:
    return ClassesLearning().configured(ClassesSettings.model_validate(settings), dataset())


def test_balanced_weights_are_those_of_scikit_learn_and_a_class_without_samples_has_one() -> None:
    samples = np.repeat(np.arange(3), [900, 90, 10])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=samples)
    assert weights_of(ClassesSettings(weights="balanced"), dataset()) == pytest.approx([*expected, 1.0])
    assert weights_of(ClassesSettings(), dataset()) is None


def test_weights_by_name_leave_the_other_classes_as_they_are() -> None:
    assert weights_of(ClassesSettings(weights={"scam": 5.0}), dataset()) == (1.0, 1.0, 5.0, 1.0)
    with pytest.raises(ConfigError, match=r"outcome\.weights: .*Received: fraud"):
        weights_of(ClassesSettings(weights={"fraud": 2.0}), dataset())


@pytest.mark.parametrize("focal", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weights", ["none", "balanced", {"spam": 3.0}])
def test_the_loss_is_the_weighted_focal_one_wherever_it_is_asked_for(focal: float, weights: object) -> None:
    tf, rng = tensorflow(), np.random.default_rng(1)
    outputs = np.concatenate([rng.normal(0, 3, (40, 4)), [[60.0, 0, 0, 0], [0, 60.0, 0, 0]]]).astype(np.float32)
    targets = np.concatenate([rng.integers(0, 4, 40), [0, 0]])
    made = learning(focal=focal, weights=weights)
    shares = np.exp(outputs.astype(np.float64)) / np.exp(outputs.astype(np.float64)).sum(axis=1, keepdims=True)
    right = shares[np.arange(42), targets]
    factors = weights_of(ClassesSettings.model_validate({"weights": weights}), dataset()) or (1.0,) * 4
    expected = np.array(factors)[targets] * (1 - right) ** focal * -np.log(right)
    each = made.each_loss(tf.constant(targets), tf.constant(outputs))
    assert each.numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert float(made.loss()(targets[:, None], outputs).numpy().mean()) == pytest.approx(expected.mean(), rel=1e-4)
    assert made.score(targets, outputs)[0] == pytest.approx(expected.mean(), rel=1e-6)


@pytest.mark.parametrize("focal", [0.5, 1.0, 2.0])
def test_its_gradients_are_numbers_however_sure_a_network_is(focal: float) -> None:
    tf = tensorflow()
    outputs = tf.Variable([[200.0, 0, 0, 0], [0, 200.0, 0, 0], [1e-3, 0, 0, 0], [17.0, 0, 0, 0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(learning(focal=focal, weights="balanced").each_loss(tf.constant([0, 0, 0, 0]), outputs))
    assert np.isfinite(tape.gradient(loss, outputs).numpy()).all()


def test_macro_f1_is_that_of_scikit_learn_over_all_batches() -> None:
    rng = np.random.default_rng(2)
    targets, outputs = rng.integers(0, 3, 200), rng.normal(0, 1, (200, 4)).astype(np.float32)
    said = outputs.argmax(axis=1)
    expected = f1_score(targets, said, labels=range(4), average="macro", zero_division=0)
    made = learning(best="f1")
    metric = made.metric()
    for start in range(0, 200, 64):
        metric.update_state(targets[start : start + 64, None], outputs[start : start + 64])
    assert metric.name == "f1"
    assert float(metric.result()) == pytest.approx(expected)
    assert made.score(targets, outputs)[1] == pytest.approx(expected)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_as_they_are_by_themselves_settings_change_nothing(prepared: Path) -> None:
    for settings in (None, OutcomeSettings(), ClassesSettings(), ClassesSettings(thresholds="f1")):
        plain = outcome_of(prepared, settings)
        assert isinstance(plain.loss(), keras().losses.SparseCategoricalCrossentropy)
        assert plain.metric().name == "accuracy"
    assert outcome_of(prepared, ClassesSettings(best="f1")).metric().name == "f1"
