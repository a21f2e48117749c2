"""iALS and EASE against what defines them: the least of their losses."""

import numpy as np
import pytest

from tasks.workloads.outcomes.ranking.references import FACTORS, UNSEEN, ease, folded_in, ials, known_of

ITEMS = 12


def users(count: int = 40) -> list[np.ndarray]:
    """Users who like the first or the second half of the items."""
    rng = np.random.default_rng(3)
    return [np.sort(rng.choice(6, rng.integers(2, 6), replace=False)) + 6 * (user % 2) for user in range(count)]


def loss(vector: np.ndarray, items: np.ndarray, rows: np.ndarray, ridge: float) -> float:
    """The loss of iALS in what one user has to say to it."""
    weight = ridge * (len(rows) + UNSEEN * len(items))
    seen = np.square(1 - items[rows] @ vector).sum()
    return float(seen + UNSEEN * np.square(items @ vector).sum() + weight * np.square(vector).sum())


def test_a_user_is_folded_in_where_the_loss_is_least() -> None:
    items, rng = ials(users(), ITEMS, 0.01), np.random.default_rng(4)
    assert items.shape == (ITEMS, FACTORS)
    rows = np.array([1, 4])
    (vector,) = folded_in([rows], items, 0.01)
    least = loss(vector, items, rows, 0.01)
    for _ in range(50):
        assert loss(vector + 1e-3 * rng.standard_normal(FACTORS), items, rows, 0.01) > least


@pytest.mark.parametrize("way", ["ials", "ease"])
def test_items_of_the_same_taste_are_ranked_first(way: str) -> None:
    rows = np.array([0, 2])
    if way == "ials":
        items = ials(users(), ITEMS, 0.01)
        (vector,) = folded_in([rows], items, 0.01)
        scores = items @ vector
    else:
        scores = ease(users(), ITEMS, 1.0)[rows].sum(axis=0)
    rest = [item for item in np.argsort(-scores) if item not in rows]
    assert set(rest[:4]) == {1, 3, 4, 5}


def test_ease_is_the_least_squares_with_nothing_on_the_diagonal() -> None:
    matrix = np.zeros((40, ITEMS))
    for row, found in zip(matrix, users(), strict=True):
        row[found] = 1
    weights = ease(users(), ITEMS, 2.0)
    np.testing.assert_array_equal(np.diag(weights), 0)
    # the gradient of |X - XB|² + λ|B|² vanishes off the diagonal, where B is free
    gradient = -matrix.T @ (matrix - matrix @ weights) + 2.0 * weights
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0, atol=1e-9)


def test_what_a_sample_knows_is_what_its_target_says() -> None:
    targets = np.array([[3, -1, -12, 0], [-13, -2, 0, 0]], np.int32)
    assert [rows.tolist() for rows in known_of(targets, ITEMS)] == [[0, 11], [1]]
