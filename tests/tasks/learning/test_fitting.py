from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.learning.fitting import Fitted, Plan, fit
from tasks.learning.pipeline import evaluation_batches
from tasks.learning.saving import weights_digest
from tasks.workloads.image.settings import ImageAugmentation
from tests.tasks.training.material import CLASSES, SHAPE, Stopped, answers, samples, stopping_after

PLAN = Plan(
    epochs=4,
    batch_size=128,
    learning_rate=0.01,
    seed=3,
    schedule="cosine",
    augmentation=ImageAugmentation(shift=0.1),
)


IMPATIENT = replace(PLAN, epochs=40, learning_rate=0.3, schedule="constant", patience=2)

Outcome = tuple[str, list[dict[str, float]], int]  # digest of the weights, rows, best epoch


def flat(*more: Any) -> Any:
    """A network that is quick to build."""
    layers = keras().layers
    stack = [layers.Rescaling(1 / 255), layers.Flatten(), *more, layers.Dense(CLASSES, name="logits")]
    return keras().Sequential([keras().Input(SHAPE), *stack])


def network(seed: int = 3) -> Any:
    """A network with what has a state beside its weights: dropout, and BatchNorm's averages."""
    set_seed(seed)
    layers = keras().layers
    return flat(layers.Dense(16), layers.BatchNormalization(), layers.Activation("relu"), layers.Dropout(0.3))


def simple(seed: int = 3) -> Any:
    """A network that is quicker still."""
    set_seed(seed)
    return flat()


def weights(fitted: tuple[Any, Fitted]) -> Outcome:
    model, course = fitted
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in course.rows]
    return weights_digest(model), rows, course.best_epoch


def run(model: Any, plan: Plan, folder: Path, **more: Any) -> tuple[Any, Fitted]:
    lines: list[str] = []
    return model, fit(model, plan, folder, say=more.pop("say", lines.append), **more)


@pytest.fixture(scope="module")
def whole(prepared: Path) -> Outcome:
    """The undisturbed training."""
    return weights(run(network(), PLAN, prepared))


def test_the_same_seed_gives_the_same_weights(whole: Outcome, prepared: Path) -> None:
    assert weights(run(network(), PLAN, prepared)) == whole


def test_another_seed_gives_other_weights(whole: Outcome, prepared: Path) -> None:
    assert weights(run(network(), replace(PLAN, seed=4), prepared))[0] != whole[0]


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(
    whole: Outcome, prepared: Path, tmp_path: Path
) -> None:
    for epoch in (1, 3):
        with pytest.raises(Stopped):
            run(network(), PLAN, prepared, backup=tmp_path, say=stopping_after(epoch, []))
    lines: list[str] = []
    resumed = weights(run(network(), PLAN, prepared, backup=tmp_path, say=lines.append))
    assert lines[0] == "goes on after epoch 3"
    assert [line.split()[1] for line in lines[1:]] == ["4/4"]
    assert resumed == whole
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_known_by_plan_network_weights_and_data(prepared: Path, tmp_path: Path) -> None:
    def changed(**settings: Any) -> str:
        return replace(PLAN, **settings).digest(simple(), prepared)

    other_data = tmp_path / "other"
    other_data.mkdir()
    dataset = (prepared / "dataset.json").read_text()
    (other_data / "dataset.json").write_text(dataset.replace('"sha256": "', '"sha256": "0', 1))
    digests = [
        PLAN.digest(simple(), prepared),
        changed(learning_rate=0.02),
        changed(seed=4),
        changed(epochs=5),
        changed(batch_size=64),
        changed(keep_best=False),
        changed(code="another"),
        changed(augmentation=ImageAugmentation(shift=0.2)),
        PLAN.digest(simple(seed=4), prepared),
        PLAN.digest(flat(keras().layers.ReLU()), prepared),
        PLAN.digest(simple(), other_data),
    ]
    assert len(set(digests)) == len(digests)
    assert PLAN.digest(simple(), prepared) == digests[0]


def test_the_backup_of_another_plan_is_not_taken(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(simple(), PLAN, prepared, backup=tmp_path, say=stopping_after(1, []))
    assert any(tmp_path.rglob("*.index"))
    lines: list[str] = []
    run(simple(), replace(PLAN, epochs=2), prepared, backup=tmp_path, say=lines.append)
    assert [line.split()[1] for line in lines] == ["1/2", "2/2"]


def test_the_best_epochs_weights_are_kept(prepared: Path) -> None:
    plan = replace(PLAN, epochs=6, learning_rate=0.3, schedule="constant")  # so high that accuracy goes up and down
    model, course = run(simple(), plan, prepared)
    accuracies = [row["validation_accuracy"] for row in course.rows]
    assert course.best_epoch == int(np.argmax(accuracies)) + 1
    assert course.best_epoch < 6
    _, accuracy = model.evaluate(evaluation_batches("validation", 512, prepared), verbose=0)
    assert accuracy == pytest.approx(max(accuracies))
    last, _ = run(simple(), replace(plan, keep_best=False), prepared)
    _, accuracy = last.evaluate(evaluation_batches("validation", 512, prepared), verbose=0)
    assert accuracy == pytest.approx(accuracies[-1])


@pytest.fixture(scope="module")
def impatient(prepared: Path) -> Outcome:
    """A training that patience ended."""
    return weights(run(simple(), IMPATIENT, prepared))


def test_patience_ends_a_training_that_gets_no_better(impatient: Outcome) -> None:
    _, rows, best = impatient
    accuracies = [row["validation_accuracy"] for row in rows]
    assert len(rows) == best + 2 < 40
    assert best == int(np.argmax(accuracies)) + 1


def test_a_training_that_patience_ended_is_not_taken_up_again(
    impatient: Outcome, prepared: Path, tmp_path: Path
) -> None:
    """As after a kill between the last epoch and the end."""

    class StopBeforeTheEnd(keras().callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, *_: Any) -> None:
            if self.model.stop_training:
                raise Stopped

    with pytest.raises(Stopped):
        run(simple(), IMPATIENT, prepared, backup=tmp_path, callbacks=[StopBeforeTheEnd()])
    lines: list[str] = []
    assert weights(run(simple(), IMPATIENT, prepared, backup=tmp_path, say=lines.append)) == impatient
    assert lines == [f"goes on after epoch {len(impatient[1])}"]


def test_each_epoch_is_one_line(prepared: Path) -> None:
    lines: list[str] = []
    _, course = run(simple(), replace(PLAN, epochs=2), prepared, say=lines.append)
    assert len(lines) == 2
    row = course.rows[1]
    assert lines[1].startswith(
        f"epoch 2/2  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}  "
        f"validation loss {row['validation_loss']:.4f}  validation accuracy {row['validation_accuracy']:.4f}"
    )
    assert lines[1].endswith(" s")


def test_training_learns(article: Any, prepared: Path) -> None:
    images, labels = samples("test", prepared)
    assert np.mean(answers(article, images).argmax(axis=1) == labels) > 0.9
