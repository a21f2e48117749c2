import random
from math import log2

import numpy as np
import pytest

from tasks.packing.kernels import Kernels, Shape, find_stride
from tasks.packing.rans import Decoder, Encoder


def entropy(values: list[int]) -> float:
    """Bytes that the numbers take if nothing is known but how often each one is."""
    _, counts = np.unique(values, return_counts=True)
    return float(-(counts * np.log2(counts / counts.sum())).sum() / 8)


def sparse(rows: int, columns: int, zeros: float, levels: int, seed: int = 1) -> list[int]:
    """Numbers that are independent of each other, of ``levels`` different ones beside 0, equally often."""
    chance = random.Random(seed)
    values = [value * 8 for value in range(-levels // 2, levels // 2 + 1) if value]
    return [0 if chance.random() < zeros else chance.choice(values) for _ in range(rows * columns)]


def code(shape: Shape, values: list[int]) -> int:
    """Bytes that they are coded to; they come back."""
    encoder = Encoder()
    assert Kernels(encoder).code(shape, values) == values
    content = encoder.finish(1)
    decoder = Decoder(content, 10_000_000)
    assert Kernels(decoder).code(shape, None) == values
    assert decoder.finish() == 1
    return len(content)


@pytest.mark.parametrize(("zeros", "levels"), [(0.85, 14), (0.5, 14), (0.95, 2)])
def test_independent_numbers_take_little_more_than_their_entropy(zeros: float, levels: int) -> None:
    values = sparse(64, 200, zeros, levels)
    assert code(Shape(200, 1, (0,) * 64), values) < 1.06 * entropy(values) + 40


def test_columns_that_are_dead_cost_next_to_nothing() -> None:
    values = sparse(40, 200, 0.4, 6)
    alive = [random.Random(9).random() < 0.3 for _ in range(200)]
    values = [value if alive[at % 200] else 0 for at, value in enumerate(values)]
    left = [value for at, value in enumerate(values) if alive[at % 200]]
    assert code(Shape(200, 1, (0,) * 40), values) < 1.1 * entropy(left) + 200 / 8 + 40


def test_rows_with_the_same_scale_share_their_levels() -> None:
    chance = random.Random(2)
    levels = [chance.sample(range(-127, 128), 4) for _ in range(4)]
    numbers = tuple(row % 4 for row in range(64))
    values = [chance.choice(levels[number]) for number in numbers for _ in range(60)]
    told = code(Shape(60, 1, numbers), values)
    assert told < 0.95 * code(Shape(60, 1, tuple(range(64))), values)
    assert told < 64 * 60 * log2(4) / 8 * 1.35


def test_a_pattern_that_repeats_is_found() -> None:
    chance = random.Random(3)
    busy = [chance.random() < 0.5 for _ in range(16)]
    values = [int(busy[at % 16] and chance.random() < 0.7) for at in range(20 * 160)]
    assert find_stride(values, 160) % 16 == 0


def test_numbers_of_every_size_come_back() -> None:
    for values in ([0], [-128], [127, -1, 0, 255], [-256, 255]):
        code(Shape(len(values), 1, (0,)), values)
    values = [0, 1, 0x3F800000, 0xBF800001, 0x3F800000, 0xFFFFFFFF]
    code(Shape(3, 2, (0, 1), 4), values)
    code(Shape(0, 1, (0, 0)), [])
