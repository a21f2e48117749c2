"""Networks that predict ratings, through the line's stages: trained, made small, measured, and asked."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import set_seed
from tasks.compression.recipe import parse_recipe
from tasks.compression.runner import run_recipe
from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.evaluation.predictions import read_predictions, write_predictions
from tasks.evaluation.quality import judge, predictions_of
from tasks.learning.building import build_model
from tasks.learning.conversion import to_tflite
from tasks.learning.feeding import fed
from tasks.learning.fitting import Plan
from tasks.learning.solving import train_network
from tasks.litert import LiteRTModel
from tasks.samples import Inputs, TensorSpec, read_assets, read_batches, read_dataset
from tasks.workloads import augmentation_for, find_workload, measuring_of
from tasks.workloads.outcomes.numbers.targets import encode_targets, target_of
from tasks.workloads.ratings.settings import RatingsAugmentation
from tasks.workloads.stars.learning import StarsLearning
from tasks.workloads.stars.networks import BUILDERS
from tasks.workloads.stars.reading import StarsReading
from tests.tasks.compression.cases import context

USERS, ITEMS, NOISE = 300, 40, 0.3
SPECS = (
    TensorSpec(name="history", dtype="int32", shape=(7,), low=0, high=20),
    TensorSpec(name="stars", dtype="float32", shape=(7,), low=0, high=5),
    TensorSpec(name="user", dtype="int32", shape=(1,), low=0, high=9),
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Prepared ratings of users of two tastes, who like one half of the items each, and lean their own way."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as temporary:
        patch.chdir(temporary)
        rng, lines = np.random.default_rng(3), []
        for user in range(USERS):
            lean = rng.normal(0, 0.3)
            for place, item in enumerate(rng.choice(ITEMS, 14, replace=False).tolist()):
                taste = 1.0 if item % 2 == user % 2 else -1.0
                rating = 3 + lean + taste + rng.normal(0, NOISE)
                lines.append(f"u{user},i{item},{rating:.2f},{place}")
        Path("rows.csv").write_text("\n".join(["user,item,rating,time", *lines]))
        data = data_of("stars").model_validate({"source": "rows.csv", "workload": "stars"})
        prepare(data, current_listing(data))
        yield Path("data/prepared").resolve()


def trained(folder: Path, name: str) -> Any:
    set_seed(1)
    model = build_model(name, read_dataset(folder), 0.0)
    plan = Plan(
        epochs=25, batch_size=32, learning_rate=0.02, seed=1, schedule="cosine", augmentation=RatingsAugmentation()
    )
    train_network(name, model, plan, folder, say=lambda line: None)  # noqa: ARG005
    return model


@pytest.mark.parametrize("name", BUILDERS)
def test_a_rating_of_each_item_whatever_the_order_of_questions(name: str) -> None:
    specs = SPECS if name == "matrix_factorization" else SPECS[:2]
    model = StarsLearning().build(BUILDERS[name], specs, 21, 0.1)
    file = LiteRTModel(to_tflite(model, specs=specs))
    asked = Inputs(dict(find_workload("stars").noise(specs, 12)))
    asked.arrays["history"][0], asked.arrays["stars"][0] = 0, 0  # nothing is known: still numbers
    answers = file.predict(asked)
    assert answers.shape == (12, 21)
    np.testing.assert_allclose(answers[0], 2.5, atol=0.2)  # the middle, before anything is learned
    order = np.random.default_rng(1).permutation(12)
    np.testing.assert_array_equal(file.predict(asked[order]), answers[order])
    np.testing.assert_allclose(np.asarray(model(fed(asked))), answers, atol=1e-4)


def test_a_table_of_users_is_asked_for() -> None:
    with pytest.raises(ValueError, match="user_table"):
        StarsLearning().build(BUILDERS["matrix_factorization"], SPECS[:2], 21, 0.0)


def test_what_is_forgotten_is_to_be_predicted_and_the_rest_is_not_asked_for() -> None:
    history = np.array([[0, 0, 3, 5, 9, 1], [0, 0, 0, 0, 2, 4]], np.int32)
    stars = np.where(history > 0, history / 2, 0).astype(np.float32)
    wanted = [[(item, item / 2) for item in row if item] for row in history.tolist()]
    wanted[0].append((0, 4.0))  # an item that is not known is always asked for
    targets = encode_targets(wanted, target_of(10, 6))
    learning = StarsLearning()
    batch = {"history": history, "stars": stars}
    changed = learning.augment(batch, RatingsAugmentation(forget=0.5), np.array([1, 2], np.int64))
    seen = np.asarray(changed["history"])
    assert ((seen == history) | (seen == 0)).all()
    assert 0 < (seen > 0).sum() < 6
    np.testing.assert_array_equal(np.asarray(changed["stars"]), np.where(seen > 0, stars, 0))
    made = np.asarray(learning.augment_targets(targets, changed))
    for row, before, now in zip(seen, wanted, made, strict=True):
        left = {(int(item) - 1, float(value)) for item, value in now.reshape(-1, 2) if item > 0}
        assert left == {(item, value) for item, value in before if item not in row or not item}
        assert not now.reshape(-1, 2)[now.reshape(-1, 2)[:, 0] == 0].any()


def test_ratings_go_through_the_line_from_training_to_an_answer(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert augmentation_for("stars", Plan(1, 1, 0.1, 1).augmentation) == RatingsAugmentation(forget=0.3)
    measuring, models = measuring_of(dataset), {name: trained(folder, name) for name in ("biases", "asymmetric_svd")}
    files = {name: to_tflite(model, specs=dataset.inputs) for name, model in models.items()}
    recipe = parse_recipe("int4", [{"technique": "quantize", "mode": "int4", "calibration": 64}], workload="stars")
    with tempfile.TemporaryDirectory() as temporary:
        files["int4"], candidate = run_recipe(
            "int4", recipe, models["asymmetric_svd"], context(folder), Path(temporary)
        )
    assert all(promise.holds for promise in candidate.steps[-1].promises)
    assert len(files["int4"]) < 0.75 * len(files["asymmetric_svd"])
    found = {}
    for name, content in files.items():
        Path(f"{name}.tflite").write_bytes(content)
        predictions = predictions_of(Path(f"{name}.tflite"), dataset)
        write_predictions(Path(f"{name}.npz"), predictions)
        found[name] = read_predictions(Path(f"{name}.npz")).splits["validation"]
        np.testing.assert_array_equal(found[name].outputs, predictions.splits["validation"].outputs)
    rmse = {name: measuring.measure(answers)["rmse"] for name, answers in found.items()}
    assert rmse["asymmetric_svd"] < rmse["biases"] < measuring.main.constant(found["biases"]) * 1.05
    assert rmse["asymmetric_svd"] < 2 * NOISE
    quality = judge(found["int4"], found["asymmetric_svd"], dataset)
    assert quality.metrics["rmse"] == rmse["int4"]
    change = measuring.main.difference(found["int4"], found["asymmetric_svd"])
    assert change.low <= rmse["int4"] - rmse["asymmetric_svd"] <= change.high
    assert change.high < 0.1
    assert next(measuring.constants(found["biases"], dataset)).name.startswith("3.")
    assert f"{ITEMS} items" in measuring.describe_task("a history", dataset)

    reading, assets = StarsReading(), read_assets(folder)
    asked = reading.ask("i0:4.2,i2:4.1,i4:3.9,i1:2.0,i3:1.8", dataset.inputs, assets)
    output = LiteRTModel(files["int4"]).predict(Inputs({name: array[None] for name, array in asked.items()}))[0]
    scores, names = reading.answered(output, asked, assets)
    answer: Any = measuring.predict("asked", scores.astype(np.float32), names).first(8)
    assert all(int(name.removeprefix("i")) % 2 == 0 for name in answer.items)
    assert not {"i0", "i2", "i4", "i1", "i3"} & set(answer.items)
    assert 3.2 < next(iter(answer.items.values())) < 5


def test_training_samples_ask_for_what_is_forgotten_alone(folder: Path) -> None:
    inputs, targets = next(read_batches("train", 8, folder))
    changed = StarsLearning().augment(inputs.arrays, RatingsAugmentation(forget=0.0), np.array([1, 2], np.int64))
    made = np.asarray(StarsLearning().augment_targets(targets, changed))
    assert not made.any()
