"""Ids of items and users on their way to a device."""

import json
import random
import zlib

import pytest

from tasks.workloads.ratings.items import Known


def numbers(count: int) -> tuple[str, ...]:
    """Ids as learning orders them: by how often they are there, then by length and alphabet."""
    rng = random.Random(5)
    often = {str(number): min(99, int(1 / (0.01 + rng.random()))) for number in range(3, 3 + count)}
    return tuple(sorted(often, key=lambda name: (-often[name], len(name), name)))


@pytest.mark.parametrize(
    ("items", "users"),
    [
        (numbers(500), ()),
        (numbers(500), tuple(f"user {number}" for number in random.Random(1).sample(range(999), 300))),
        (("b", "a"), ("",)),
        (("9", "10", "007", "7"), ("x",)),
        (("one",), ()),
        (("9" * 15, "5", "ü", '"', "\\", "]", "\u2028"), ()),
        (tuple(map(str, random.Random(2).sample(range(200_000), 120_000))), ()),  # more runs than characters
    ],
    ids=["numbers", "names", "two", "mixed", "one", "odd", "random"],
)
def test_ids_come_back_by_their_rows(items: tuple[str, ...], users: tuple[str, ...]) -> None:
    known = Known(items, users, 7)
    assert Known.of_bytes(known.to_bytes()) == known


def test_ids_by_frequency_take_little_more_than_half_of_a_list() -> None:
    listed = json.dumps([int(name) for name in numbers(2000)], separators=(",", ":")).encode()
    assert len(Known(numbers(2000), (), 7).to_bytes()) < 0.6 * len(zlib.compress(listed, 9))


def test_the_format_of_before_is_read() -> None:
    before = {"format": 1, "length": 3, "items": [5, 3], "users": ["a"]}
    assert Known.of_bytes(zlib.compress(json.dumps(before).encode())) == Known(("5", "3"), ("a",), 3)


@pytest.mark.parametrize(
    "items",
    [
        {"steps": [1, 2], "runs": "]"},
        {"steps": [1, "2"], "runs": "]]"},
        {"steps": [1, 0], "runs": "]]"},
        {"ids": "ab", "runs": "]]"},
        {"ids": ["a", "b"]},
        {"ids": ["a", "b"], "runs": ["]", "]"]},
        {"ids": [1.5, "b"], "runs": "]]"},
    ],
    ids=["few", "type", "twice", "text", "none", "list", "float"],
)
def test_damaged_runs_are_refused(items: object) -> None:
    content = {"format": 2, "length": 3, "items": items, "users": []}
    with pytest.raises(ValueError, match=r"."):
        Known.of_bytes(zlib.compress(json.dumps(content).encode()))
