from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.lowrank.cp import Cp
from tasks.compression.lowrank.decomposition import Decomposition
from tasks.compression.lowrank.moments import input_moments, roots
from tasks.compression.lowrank.spatial import Spatial
from tasks.compression.lowrank.svd import Svd
from tasks.compression.lowrank.tucker import Tucker
from tests.tasks.compression.lowrank import planted
from tests.tasks.training.material import samples

RNG = np.random.default_rng(1)
INPUTS = RNG.normal(size=(500, 12)) * np.array([1.0] * 4 + [0.02] * 8)  # eight of twelve hardly ever matter
MOMENTS = INPUTS.T @ INPUTS


def test_the_moments_are_those_of_the_layers_inputs(article: Any, prepared: Path) -> None:
    found = input_moments(article, {name: article.get_layer(name) for name in ("conv2d_1", "dense")}, 70, prepared)
    images, _ = samples("train", prepared, 70)
    for name in ("conv2d_1", "dense"):
        inputs = keras().Model(article.input, article.get_layer(name).input)(images.astype(np.float32)).numpy()
        rows = inputs.reshape(-1, inputs.shape[-1])
        assert np.allclose(found[name], rows.T @ rows, rtol=1e-3, atol=1e-3)


def test_the_roots_are_inverse_to_each_other_and_square_to_the_moments() -> None:
    root, inverse = roots(MOMENTS)
    assert np.allclose(root @ inverse, np.eye(12))
    assert np.allclose(root @ root, MOMENTS * 12 / np.trace(MOMENTS), atol=2e-3)


@pytest.mark.parametrize(
    ("kind", "kernel", "ranks"),
    [
        (Svd, planted.matrix(12, 10, 10), (4,)),
        (Svd, planted.matrix(108, 10, 10).reshape(3, 3, 12, 10), (6,)),
        (Tucker, planted.tucker((3, 3, 12, 10), (12, 10)), (4, 8)),
        (Spatial, planted.matrix(108, 10, 10).reshape(3, 3, 12, 10), (8,)),
        (Cp, planted.matrix(108, 10, 10).reshape(3, 3, 12, 10), (12,)),
    ],
)
def test_the_outputs_are_nearer_where_errors_count_by_the_inputs(
    kind: type[Decomposition], kernel: planted.Kernel, ranks: tuple[int, ...]
) -> None:
    def error(decomposition: Decomposition) -> float:
        lost = decomposition.reconstruct(ranks) - kernel
        return float(np.sum(np.einsum("ni,...io->...no", INPUTS, lost) ** 2))

    plain, aware = kind(kernel), kind(kernel, MOMENTS)
    assert error(aware) < 0.85 * error(plain)
    assert plain.error(ranks) <= aware.error(ranks) * 1.05


def test_nothing_is_lost_at_full_rank_with_moments_too() -> None:
    for kind in (Svd, Tucker, Spatial):
        decomposition = kind(planted.matrix(108, 10, 10).reshape(3, 3, 12, 10), MOMENTS)
        assert decomposition.error(decomposition.full) < 1e-9
        assert decomposition.kept(decomposition.full) == pytest.approx(1)
