from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import keras
from tasks.learning.saving import copy_model, load_model, save_model, weights_digest
from tests.tasks.training.material import answers, residual, samples


def test_a_model_survives_its_file(article: Any, prepared: Path, tmp_path: Path) -> None:
    save_model(article, tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    images, _ = samples("test", prepared)
    assert weights_digest(again) == weights_digest(article)
    assert np.array_equal(answers(again, images), answers(article, images))
    assert [layer.name for layer in again.layers] == [layer.name for layer in article.layers]


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    model = residual()
    save_model(model, tmp_path / "one.keras")
    model.compile("adam", "mse")  # what trained the model is not part of it
    save_model(model, tmp_path / "two.keras")
    save_model(load_model(tmp_path / "one.keras"), tmp_path / "three.keras")
    files = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) == 1


def test_the_digest_sees_any_weight(tmp_path: Path) -> None:
    model = residual()
    before = weights_digest(model)
    for position, weight in enumerate(model.weights):
        kept = weight.numpy()
        changed = kept.copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.float32(9))
        weight.assign(changed)
        assert weights_digest(model) != before, position
        weight.assign(kept)
    assert weights_digest(model) == before


def test_the_digest_sees_which_of_two_layers_has_the_weights() -> None:
    def stack(first: int, second: int) -> Any:
        layers = keras().layers
        zeros = {"kernel_initializer": "zeros", "use_bias": False}
        return keras().Sequential(
            [keras().Input((2,)), layers.Dense(first, **zeros), layers.Dense(second, **zeros), layers.Dense(1, **zeros)]
        )

    # equal bytes in all, other shapes
    assert weights_digest(stack(2, 6)) != weights_digest(stack(3, 4))


def test_a_copy_shares_no_weight(article: Any) -> None:
    before = weights_digest(article)
    copy = copy_model(article)
    assert weights_digest(copy) == before
    copy.set_weights([weight + 1 for weight in copy.get_weights()])
    assert weights_digest(article) == before
