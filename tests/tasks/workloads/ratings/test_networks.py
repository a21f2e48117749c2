"""Networks for ratings: what they learn of planted factors, and that nothing depends on what was asked before."""

import random
from pathlib import Path

import numpy as np
import pytest

from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.learning.building import build_model
from tasks.learning.conversion import to_tflite
from tasks.learning.feeding import fed
from tasks.learning.fitting import Plan
from tasks.learning.solving import train_network
from tasks.litert import LiteRTModel
from tasks.samples import Inputs, TensorSpec, read_batches
from tasks.workloads.outcomes.ranking.references import known_of, references
from tasks.workloads.ratings.learning import RatingsLearning
from tasks.workloads.ratings.networks import BUILDERS
from tasks.workloads.ratings.settings import RatingsAugmentation

HISTORY = TensorSpec(name="history", dtype="int32", shape=(7,), low=0, high=20)
USER = TensorSpec(name="user", dtype="int32", shape=(1,), low=0, high=9)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_score_for_each_item_whatever_the_order_of_questions(name: str) -> None:
    specs = (HISTORY, USER) if name in ("matrix_factorization", "gmf", "mlp", "neumf") else (HISTORY,)
    model = RatingsLearning().build(BUILDERS[name], specs, 20, 0.0)
    file = LiteRTModel(to_tflite(model, specs=specs))
    rng = np.random.default_rng(1)
    asked = Inputs(
        {spec.name: rng.integers(0, int(spec.high) + 1, (12, *spec.shape)).astype(np.int32) for spec in specs}
    )
    for array in asked.arrays.values():
        array[0] = 0  # nothing is known: still numbers
    answers = file.predict(asked)
    assert answers.shape == (12, 20)
    assert np.isfinite(answers).all()
    order = rng.permutation(12)
    np.testing.assert_array_equal(file.predict(asked[order]), answers[order])
    np.testing.assert_allclose(np.asarray(model(fed(asked))), answers, atol=1e-4)


@pytest.mark.parametrize("name", ["matrix_factorization", "neumf"])
def test_networks_of_users_ask_for_a_table_of_users(name: str) -> None:
    with pytest.raises(ValueError, match="user_table"):
        RatingsLearning().build(BUILDERS[name], (HISTORY,), 20, 0.0)


def test_what_is_forgotten_is_to_be_found_and_the_rest_is_known() -> None:
    history = np.array([[0, 0, 3, 5, 9, 1], [0, 0, 0, 0, 2, 4]], np.int32)
    targets = np.array([[3, 5, 9, 1, 0], [2, 4, 0, 0, 0]], np.int32)
    learning, settings = RatingsLearning(), RatingsAugmentation(forget=0.5)
    changed = learning.augment({"history": history}, settings, np.array([1, 2], np.int64))
    seen = np.asarray(changed["history"])
    assert ((seen == history) | (seen == 0)).all()
    made = np.asarray(learning.augment_targets(targets, changed))
    for row, target, before in zip(seen, made, targets, strict=True):
        assert sorted(-target[target < 0]) == sorted(row[row > 0])
        assert set(target[target > 0]) == set(before[before > 0]) - set(row)


def test_folding_in_on_a_device_finds_the_factors_that_are_solved_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = [(user, item) for user in range(60) for item in random.Random(user).sample(range(8), 5)]
    lines = [f"u{user},{'ab'[user % 2]}{item},{place}" for place, (user, item) in enumerate(chosen)]
    (tmp_path / "rows.csv").write_text("\n".join(["user,item,time", *lines]))
    data = data_of("ratings").model_validate({"source": "rows.csv", "workload": "ratings"})
    dataset = prepare(data, current_listing(data))
    model = build_model("ials", dataset, 0.0)
    plan = Plan(epochs=1, batch_size=8, learning_rate=0.1, seed=1)
    fitted = train_network("ials", model, plan, say=lambda line: None)  # noqa: ARG005
    inputs, targets = next(read_batches("validation", 100))
    items = int(dataset.target.high)
    exact = next(references().scores(known_of(targets, items)))
    found = LiteRTModel(to_tflite(model, specs=dataset.inputs)).predict(inputs)
    np.testing.assert_allclose(found, exact, atol=1e-3)
    assert fitted.best_epoch == 1
    assert fitted.metrics["ndcg"] > 0.4
