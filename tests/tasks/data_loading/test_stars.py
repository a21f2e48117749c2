"""Ratings as numbers to predict: from tables to samples, and a device's questions."""

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import DataError, SourceError
from tasks.samples import SPLITS, Dataset, Inputs, SplitName, read_assets, read_batches
from tasks.workloads.items import RawSample, SourceFile
from tasks.workloads.outcomes.numbers.targets import taken_apart
from tasks.workloads.ratings.items import FILE, Known
from tasks.workloads.stars.reading import RANGE_FILE, StarsReading
from tasks.workloads.stars.settings import StarsSettings

ROWS = [
    (f"u{user}", f"i{(user * 3 + place * 5) % 11}", 1 + (user + place) % 5, place)
    for user in range(30)
    for place in range(6)
]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(lines: list[str], limit: float = 0.01, head: str = "user,item,rating,time", **stars: Any) -> Dataset:
    Path("rows.csv").write_text("\n".join([head, *lines]))
    given = {"source": "rows.csv", "workload": "stars", "max_refused": limit, "stars": stars}
    data = data_of("stars").model_validate(given)
    return prepare(data, current_listing(data))


def lines() -> list[str]:
    made = [",".join(map(str, row)) for row in ROWS]
    random.Random(1).shuffle(made)
    return made


def batch(split: SplitName) -> tuple[Inputs, Any]:
    return next(read_batches(split, 1000))


def test_each_split_asks_for_the_ratings_that_its_rows_have(workspace: Path) -> None:
    dataset = loaded(lines())
    known = Known.of_bytes(read_assets()[FILE])
    rated = {(user, known.item_rows[item]): stars for user, item, stars, _ in ROWS}
    assert [dataset.splits[split].samples for split in SPLITS] == [30, 30, 30]
    expected = {"train": 4, "validation": 1, "test": 1}
    for split in SPLITS:
        inputs, targets = batch(split)
        places, values, there = taken_apart(targets)
        assert (there.sum(axis=1) == expected[split]).all()
        histories, stars = inputs.arrays["history"], inputs.arrays["stars"]
        assert ((stars > 0) == (histories > 0)).all()
        found = set()
        for history, given, place, value, one in zip(histories, stars, places, values, there, strict=True):
            pairs = list(zip(history[history > 0].tolist(), given[history > 0].tolist(), strict=True))
            asked = list(zip(place[one].tolist(), value[one].tolist(), strict=True))
            users = {
                user
                for user in range(30)
                if all(rated.get((f"u{user}", row)) == star for row, star in [*pairs, *asked])
            }
            assert users
            found |= users
        assert found == set(range(30))
    assert (dataset.inputs[1].low, dataset.inputs[1].high) == (0, 5)


def test_rows_without_a_rating_do_not_count_and_are_told(workspace: Path) -> None:
    dataset = loaded([*lines(), "u1,i10,,9", "u2,i10,1e7,9", "u3,i10,7.69,-1"])
    assert any("2 rows have no rating" in note for note in dataset.notes)
    assert sum(part.samples for part in dataset.splits.values()) == 90
    assert dataset.inputs[1].high == np.float32(7.69)  # which is more than 7.69


def test_ratings_that_are_all_alike_cannot_be_learned(workspace: Path) -> None:
    with pytest.raises(DataError, match="all 3"):
        loaded([f"{user},{item},3,{time}" for user, item, _, time in ROWS])


def test_a_table_without_ratings_is_one_for_rankings(workspace: Path) -> None:
    with pytest.raises((DataError, SourceError), match="rating"):
        loaded([f"{user},{item},{time}" for user, item, _, time in ROWS], head="user,item,time")
    with pytest.raises(SourceError, match="which ranks"):
        loaded(lines(), rating=None)


def test_a_question_is_read_as_a_history_is(workspace: Path) -> None:
    dataset = loaded(lines())
    reading, assets = StarsReading(), read_assets()
    known = Known.of_bytes(assets[FILE])
    asked = reading.ask("i3:4.5, i5:1,nobody knows:2,i1:99", dataset.inputs, assets)
    assert asked["history"][asked["history"] > 0].tolist() == [known.item_rows[item] for item in ("i3", "i5", "i1")]
    assert asked["stars"][-3:].tolist() == [4.5, 1.0, 5.0]  # beyond the range counts as its end
    same = {"history": {"i3": 4.5, "i5": "1", "i1": 99}, "user": "u2"}
    for question in (json.dumps(same), json.dumps([["i3", 4.5], ["i5", 1], ["i1", 9]])):
        again = reading.ask(question, dataset.inputs, assets)
        assert all(np.array_equal(again[name], asked[name]) for name in asked)
    for bad in (
        "",
        " , ",
        "i3",
        "i3:",
        "i3:x",
        "i3:nan",
        ":3",
        '{"history": 3}',
        '[["i3"]]',
        '[["i3", true]]',
        "[" * 9999,
    ):
        with pytest.raises(DataError):
            reading.ask(bad, dataset.inputs, assets)


def test_answers_are_ratings_of_what_the_history_has_not(workspace: Path) -> None:
    dataset = loaded(lines())
    reading, assets = StarsReading(), read_assets()
    asked = reading.ask("i3:4,i5:1", dataset.inputs, assets)
    output = np.linspace(1, 5, 1 + int(dataset.inputs[0].high), dtype=np.float32)
    found, names = reading.answered(output, asked, assets)
    left_out = {name for name, value in zip(names, found, strict=True) if value == -math.inf}
    assert left_out == {"i3", "i5"}
    np.testing.assert_array_equal(found[np.isfinite(found)], output[1:][np.isfinite(found)])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"low": 5, "high": 1}',
        b'{"low": "x", "high": 1}',
        b'{"low": 0, "high": 1%s}' % (b"0" * 400),
        b"[" * 9999,
    ],
    ids=["empty", "without", "turned", "text", "too large", "nested"],
)
def test_a_damaged_range_of_a_release_is_said(workspace: Path, content: bytes) -> None:
    loaded(lines())
    with pytest.raises(DataError, match=RANGE_FILE):
        StarsReading().learned({**read_assets(), RANGE_FILE: content})


def test_what_a_device_has_collected_is_read_as_histories(workspace: Path) -> None:
    dataset = loaded(lines())
    content = Path("rows.csv").read_bytes()
    reading, learned = StarsReading(), StarsReading().learned(read_assets())
    file = SourceFile("rows.csv", len(content), lambda: content)
    given = [sample for sample in reading.collected(file, StarsSettings()) if isinstance(sample, RawSample)]
    assert len(given) == 30
    drafts = [reading.draft(sample, StarsSettings()).content for sample in given]
    encoded = learned.encode(drafts)
    assert (encoded["history"] > 0).sum() == len(ROWS) - max(0, 6 - dataset.inputs[0].shape[0]) * 30
