"""Rows of tables on their way to other processes."""

import pickle

import pytest

from tasks.workloads.items import BETWEEN, Rows


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "b"), ("", "d\n"), ("ü", "\ud800")],
        [("a", f"b{BETWEEN}"), ("c", "d")],
        [("a", "b"), ("c",)],
        [(), ()],
        [],
        [("",)],
    ],
    ids=["cells", "mark", "ragged", "none", "no rows", "empty"],
)
def test_rows_come_out_as_they_went_in(rows: list[tuple[str, ...]]) -> None:
    given = Rows("a.csv", range(2, 2 + len(rows)), rows, "test")
    taken = pickle.loads(pickle.dumps(given, 5))
    assert (taken.file, taken.numbers, taken.split) == (given.file, given.numbers, given.split)
    assert list(map(tuple, taken.rows)) == rows


def test_many_cells_are_one_text() -> None:
    rows = [(f"user {number}", f"item {number % 7}", "4") for number in range(500)]
    assert len(pickle.dumps(Rows("a.csv", range(500), rows), 5)) < 0.8 * len(
        pickle.dumps(("a.csv", range(500), rows), 5)
    )
