import re

import numpy as np
import pytest

from tasks.compression.sparsity.patterns import PATTERN, Pattern, best_of_groups, choose, parse_pattern

SINGLE = Pattern("single")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("single", SINGLE),
        ("2:4", Pattern("n:m", 2, 4)),
        ("1:16", Pattern("n:m", 1, 16)),
        ("4x1", Pattern("block", 4, 1)),
    ],
)
def test_a_pattern_is_written_in_a_word(text: str, pattern: Pattern) -> None:
    assert re.match(PATTERN, text)
    assert parse_pattern(text) == pattern


@pytest.mark.parametrize("text", ["", "2", "2:", "0:4", "a:b", "2:4:8", "double", "4x"])
def test_what_is_no_pattern_does_not_match(text: str) -> None:
    assert not re.match(PATTERN, text)


def test_each_layer_loses_its_lowest_scores() -> None:
    rng = np.random.default_rng(1)
    scores = {"small": rng.random((3, 3, 4, 5)), "large": 10 + rng.random((20, 10))}
    for name, stay in choose(scores, 0.7, SINGLE, "uniform").items():
        assert stay.sum() == round(stay.size * 0.3)
        assert scores[name][stay].min() > scores[name][~stay].max()


def test_a_global_budget_spares_the_layer_that_is_needed_more() -> None:
    rng = np.random.default_rng(1)
    scores = {"needed": 10 + rng.random((10, 10)), "other": rng.random((30, 10))}
    stay = choose(scores, 0.5, SINGLE, "global")
    assert stay["needed"].all()
    assert stay["other"].sum() == 100


def test_a_global_budget_leaves_no_layer_without_weights() -> None:
    scores = {"needed": np.full((10, 10), 9.0), "other": np.arange(100.0).reshape(10, 10) / 1000}
    stay = choose(scores, 0.5, SINGLE, "global")
    assert np.argwhere(stay["other"]).tolist() == [[9, 9]]


@pytest.mark.parametrize("shape", [(16, 6), (3, 3, 8, 5), (10, 3)])
@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (4, 8)])
def test_of_consecutive_inputs_the_best_stay(shape: tuple[int, ...], n: int, m: int) -> None:
    score = np.random.default_rng(1).random(shape)
    stay = best_of_groups(score, n, m)
    for position in np.ndindex(*shape[:-2], shape[-1]):
        line = (*position[:-1], slice(None), position[-1])
        for start in range(0, shape[-2], m):
            group, kept = score[line][start : start + m], stay[line][start : start + m]
            assert kept.sum() == min(n, len(group))
            assert set(group[kept]) == set(np.sort(group)[::-1][:n])


def test_blocks_go_as_a_whole_and_the_edge_has_smaller_ones() -> None:
    score = np.zeros((5, 4))
    score[0:2, 0:2], score[4:, 2:] = 1.0, 5.0  # a whole block and a half one
    stay = choose({"uniform": score}, 2 / 3, parse_pattern("2x2"), "uniform")["uniform"]
    assert np.array_equal(stay, score > 0)


def test_blocks_of_a_convolution_are_those_of_its_matrix() -> None:
    score = np.zeros((3, 3, 4, 2))
    score[1, 2, :, 1] = 1.0
    stay = choose({"uniform": score}, 17 / 18, parse_pattern("4x1"), "uniform")["uniform"]
    assert np.array_equal(stay, score > 0)
