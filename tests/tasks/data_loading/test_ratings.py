"""Ratings on their way to shards: histories, what of them is held out, and what cannot be used."""

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config import data_of
from tasks.data_loading import grouping
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import DataError, RefusedError, SourceError, UnfitError
from tasks.samples import PREPARED, SPLITS, Dataset, SplitName, read_assets, read_batches, read_contents
from tasks.workloads.ratings.histories import History, history_of
from tasks.workloads.ratings.items import FILE, Known
from tasks.workloads.ratings.reading import RatingsReading

Row = tuple[str, str, str, str]


def rows_of(users: int, seed: int = 1) -> list[Row]:
    """Five to nine items of each user, all at different times."""
    rng = random.Random(seed)
    return [
        (f"user {user}", f"item {item}", str(rng.randint(1, 5)), str(1000 * place + user))
        for user in range(users)
        for place, item in enumerate(rng.sample(range(30), rng.randint(5, 9)))
    ]


def write(path: Path, rows: Sequence[Sequence[str]], head: str = "user_id,item_id,rating,timestamp") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *map(",".join, rows), ""]), encoding="utf-8")
    return path


def loaded(source: Path | str, folder: Path = PREPARED, limit: float = 0.01, **ratings: Any) -> Dataset:
    data = data_of("ratings").model_validate(
        {"source": str(source), "workload": "ratings", "max_refused": limit, "ratings": ratings}
    )
    return prepare(data, current_listing(data), folder)


def histories(split: SplitName, folder: Path = PREPARED) -> dict[str, History]:
    read = [history_of(content) for chunk in read_contents(split, 50, folder) for content in chunk]
    assert len({each.user for each in read}) == len(read)
    return {each.user: each for each in read}


def by_user(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The items of each user in the order of time."""
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for user, item, _, time in rows:
        found[user].append((float(time), item))
    return {user: [item for _, item in sorted(pairs)] for user, pairs in found.items()}


def test_the_last_item_is_for_the_test_and_the_one_before_for_validation(workspace: Path) -> None:
    rows = rows_of(40)
    dataset = loaded(write(workspace / "ratings.csv", rows))
    assert [dataset.splits[split].samples for split in SPLITS] == [40, 40, 40]
    train, validation, test = (histories(split) for split in SPLITS)
    for user, items in by_user(rows).items():
        assert train[user][1:3] == (items[:-2], items[:-2])
        assert validation[user][1:3] == (items[:-2], [items[-2]])
        assert test[user][1:3] == (items[:-1], [items[-1]])


def test_what_is_stored_says_which_items_are_to_be_found_and_which_are_known(workspace: Path) -> None:
    dataset = loaded(write(workspace / "ratings.csv", rows_of(40)))
    known = Known.of_bytes(read_assets()[FILE])
    assert int(dataset.target.high) == len(known.items) == dataset.inputs[0].high
    for split in SPLITS:
        read = list(histories(split).values())
        stored = next(read_batches(split, 1000))
        for row, target, each in zip(stored[0].arrays["history"], stored[1], read, strict=True):
            past = [known.item_rows[item] for item in each.history if item in known.item_rows]
            assert row[row > 0].tolist() == past[-len(row) :]
            wanted = [known.item_rows.get(item, -len(known.items) - 1) for item in each.wanted]
            assert target[: len(wanted)].tolist() == wanted
            seen = target[len(wanted) :]
            assert sorted(-seen[seen != 0]) == ([] if split == "train" else sorted(past))


def test_items_are_learned_of_the_training_alone_and_the_most_frequent_come_first(workspace: Path) -> None:
    rows = [*rows_of(40), ("user 0", "never seen", "5", "999999")]
    loaded(write(workspace / "ratings.csv", rows))
    known, counts = Known.of_bytes(read_assets()[FILE]), Counter[str]()
    for each in histories("train").values():
        for item in each.history:
            counts[item] += 1
    assert set(known.items) == set(counts)
    assert [counts[item] for item in known.items] == sorted(counts.values(), reverse=True)
    (target,) = [
        target
        for (_, targets), contents in zip(read_batches("test", 1000), read_contents("test", 1000), strict=True)
        for target, content in zip(targets, contents, strict=True)
        if history_of(content).wanted == ["never seen"]
    ]
    assert target[0] == -len(known.items) - 1


def test_order_packing_and_form_make_no_difference(workspace: Path) -> None:
    rows = rows_of(40)
    loaded(write(workspace / "ratings.csv", rows), workspace / "plain")
    random.Random(2).shuffle(rows)
    folder = workspace / "parts"
    write(folder / "a.csv", rows[:100])
    movielens = "".join("\t".join(row) + "\n" for row in rows[100:130])
    (folder / "u.data").write_text(movielens)
    (folder / "ratings.dat").write_text("".join("::".join(row) + "\n" for row in rows[130:160]))
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (folder / "b.inter.gz").write_bytes(
        gzip.compress((head + "".join("\t".join(row) + "\n" for row in rows[160:190])).encode())
    )
    lines = [json.dumps({"userId": user, "movieId": item, "time": float(time)}) for user, item, _, time in rows[190:]]
    (folder / "c.jsonl").write_text("\n".join(lines))
    loaded(folder, workspace / "packed")
    plain, packed = ((workspace / name) for name in ("plain", "packed"))
    for path in sorted(plain.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (packed / path.relative_to(plain)).read_bytes(), path.name


def test_many_rows_are_shared_among_processes_and_give_the_same_bytes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(workspace / "ratings.csv", rows_of(120))
    loaded(source, workspace / "alone")
    monkeypatch.setattr(grouping, "BATCH_ROWS", 100)
    monkeypatch.setattr(grouping, "MUCH", 100)
    loaded(source, workspace / "shared")
    for path in sorted((workspace / "alone").rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (workspace / "shared" / path.relative_to(workspace / "alone")).read_bytes()


def test_equal_times_are_in_an_order_that_does_not_depend_on_the_rows(workspace: Path) -> None:
    rows = [(user, item, rating, "7") for user, item, rating, _ in rows_of(30)]
    loaded(write(workspace / "a.csv", rows), workspace / "a")
    loaded(write(workspace / "b.csv", rows[::-1]), workspace / "b")
    assert histories("test", workspace / "a") == histories("test", workspace / "b")
    lasts = [each.wanted[0] for each in histories("test", workspace / "a").values()]
    alphabet = [max(items) for items in by_user(rows).values()]
    assert lasts != alphabet  # no end of the alphabet is preferred


def test_dates_count_as_times(workspace: Path) -> None:
    rows = [("a", f"i{day}", "1", f"2026-01-{day:02}T10:00:00") for day in range(9, 0, -1)]
    loaded(write(workspace / "a.csv", [*rows, *rows_of(9)]))
    assert histories("test")["a"].history == [f"i{day}" for day in range(1, 9)]


def test_of_rows_about_the_same_item_the_last_one_counts(workspace: Path) -> None:
    rows = [("a", item, "3", str(time)) for time, item in enumerate(["x", "y", "x", "z", "w"])]
    dataset = loaded(write(workspace / "a.csv", [*rows, *rows_of(9)]))
    assert histories("test")["a"][1:3] == (["y", "x", "z"], ["w"])
    assert any(note.startswith("1 rows are of an item that the user has another row of") for note in dataset.notes)


def test_rows_below_the_least_rating_do_not_count(workspace: Path) -> None:
    rows = rows_of(60)
    dataset = loaded(write(workspace / "a.csv", rows), liked=3)
    kept = by_user([row for row in rows if int(row[2]) >= 3])
    for user, each in histories("test").items():
        assert [*each.history, *each.wanted] == kept[user]
    below = sum(int(row[2]) < 3 for row in rows)
    assert f"{below} rows have a rating below data.ratings.liked and do not count." in dataset.notes


def core(rows: Sequence[Row], user: int, item: int) -> set[tuple[str, str]]:
    """The k-core of pairs, by definition: taken away until nothing changes."""
    pairs = {(row[0], row[1]) for row in rows}
    while True:
        of_users, of_items = Counter[str](), Counter[str]()
        for who, what in pairs:
            of_users[who] += 1
            of_items[what] += 1
        kept = {(who, what) for who, what in pairs if of_users[who] >= user and of_items[what] >= item}
        if kept == pairs:
            return pairs
        pairs = kept


@pytest.mark.parametrize(("user", "item"), [(7, 1), (6, 9), (7, 7)])
def test_rare_users_and_items_go_until_none_is_left(workspace: Path, user: int, item: int) -> None:
    rows = rows_of(80)
    loaded(write(workspace / "a.csv", rows), min_user=user, min_item=item)
    found = {
        (each.user, name)
        for split in SPLITS
        for each in histories(split).values()
        for name in (*each.history, *each.wanted)
    }
    assert found == core(rows, user, item) != set()


def test_the_newest_rows_may_be_held_out(workspace: Path) -> None:
    rows = rows_of(60)
    loaded(write(workspace / "a.csv", rows), hold_out="time")
    times = {(user, item): float(time) for user, item, _, time in rows}
    newest_of_training = max(times[each.user, item] for each in histories("train").values() for item in each.history)
    for split in ("validation", "test"):
        for each in histories(split).values():
            assert min(times[each.user, item] for item in each.wanted) > newest_of_training
    held_out = sum(len(each.wanted) for each in histories("test").values())
    assert 0.05 < held_out / len(rows) <= 0.11  # data.split.test is 0.1; users without a past are left out


def test_users_that_training_never_sees_may_be_held_out(workspace: Path) -> None:
    rows = rows_of(300)
    loaded(write(workspace / "a.csv", rows), hold_out="users")
    users = [set(histories(split)) for split in SPLITS]
    assert sum(map(len, users)) == len(set.union(*users)) == 300
    assert all(10 <= len(found) <= 55 for found in users[1:])
    for user, each in histories("test").items():
        assert [*each.history, *each.wanted] == by_user(rows)[user]


def test_splits_that_files_declare_are_heeded(workspace: Path) -> None:
    rows = rows_of(40)
    write(workspace / "data" / "train.csv", [row for row in rows if row[1] != "item 7"])
    write(workspace / "data" / "test.csv", [row for row in rows if row[1] == "item 7"])
    loaded(workspace / "data")
    assert {item for each in histories("test").values() for item in each.wanted} == {"item 7"}
    for user, each in histories("validation").items():
        rest = [item for item in by_user(rows)[user] if item != "item 7"]
        assert [*each.history, *each.wanted] == rest


def test_users_are_known_by_numbers_where_that_is_wanted(workspace: Path) -> None:
    dataset = loaded(write(workspace / "a.csv", rows_of(40)), user_table=True)
    known = Known.of_bytes(read_assets()[FILE])
    assert [spec.name for spec in dataset.inputs] == ["history", "user"]
    assert len(known.users) == 40
    inputs, _ = next(read_batches("test", 1000))
    assert inputs.arrays["user"][:, 0].tolist() == [known.user_rows[user] for user in histories("test")]


def test_rows_that_cannot_be_used_are_refused_by_their_numbers(workspace: Path) -> None:
    odd = [
        ("", "x", "1", "1"),
        ("a", "", "1", "1"),
        ("a", "x", "good", "1"),
        ("a", "x", "1", "soon"),
        ("a", "x", "nan", "1"),
        ("a", "b\x00c", "1", "1"),
        ("a" * 300, "x", "1", "1"),
        ("a", "x", "1", "inf"),
    ]
    path = write(workspace / "a.csv", [*rows_of(30), *odd])
    dataset = loaded(path, limit=0.1)
    first = len(rows_of(30)) + 2
    assert [refusal.file for refusal in dataset.refused] == [f"a.csv:{first + number}" for number in range(len(odd))]
    reasons = " ".join(refusal.reason for refusal in dataset.refused)
    for said in ("no user", "no item", "'good': a number", "'soon': seconds or a date", "'nan': a number"):
        assert said in reasons
    assert "\x00" not in reasons
    with pytest.raises(RefusedError):
        loaded(path)


@pytest.mark.parametrize(
    ("head", "settings", "said"),
    [
        ("who,what,rating,timestamp", {}, "a column of the user"),
        ("user,userId,item_id,timestamp", {}, "one column of the user"),
        ("user_id,item_id,rating,timestamp", {"rating": "stars"}, "called stars"),
        ("user_id,item_id,rating,timestamp", {"split": "part"}, "'': train"),
    ],
)
def test_columns_that_are_not_clear_are_asked_for(
    workspace: Path, head: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises((SourceError, RefusedError), match=said):
        loaded(write(workspace / "a.csv", rows_of(9), head), **settings)


def test_columns_may_be_named(workspace: Path) -> None:
    loaded(
        write(workspace / "a.csv", rows_of(9), "who,what,how,when"), user="who", item="what", rating=None, time="when"
    )
    assert histories("test")


def test_users_with_nothing_to_hold_out_leave_no_split(workspace: Path) -> None:
    rows = [(f"u{user}", item, "1", "1") for user in range(200) for item in ("x", "y")]
    with pytest.raises(UnfitError, match="validation split"):  # and none of the training becomes one
        loaded(write(workspace / "a.csv", rows))


def test_ratings_of_class_folders_are_none(workspace: Path) -> None:
    with pytest.raises(SourceError, match="a sample by itself"):
        loaded("digits")


def test_a_question_is_read_as_a_history_is(workspace: Path) -> None:
    dataset = loaded(write(workspace / "a.csv", rows_of(40)))
    reading, assets = RatingsReading(), read_assets()
    known = Known.of_bytes(assets[FILE])
    asked = reading.ask("item 3, item 5,nobody knows this,item 1", dataset.inputs, assets)["history"]
    assert asked[asked > 0].tolist() == [known.item_rows[f"item {item}"] for item in (3, 5, 1)]
    path = workspace / "question.json"
    path.write_text('{"history": ["item 3", "item 5", "item 1"], "user": "user 2"}')
    np.testing.assert_array_equal(reading.ask(path, dataset.inputs, assets)["history"], asked)
    for bad in ("", " , ", '{"history": 3}', '{"history": [[1]]}', "{", "[" * 99_999, workspace / "missing"):
        with pytest.raises(DataError):
            reading.ask(bad, dataset.inputs, assets)


def test_answers_leave_out_what_the_history_has(workspace: Path) -> None:
    dataset = loaded(write(workspace / "a.csv", rows_of(40)))
    reading, assets = RatingsReading(), read_assets()
    known = Known.of_bytes(assets[FILE])
    asked = reading.ask("item 3,item 5", dataset.inputs, assets)
    output = np.linspace(0, 1, len(known.items), dtype=np.float32)
    scores, names = reading.answered(output, asked, assets)
    assert {name for name, score in zip(names, scores, strict=True) if score == -np.inf} == {"item 3", "item 5"}
    np.testing.assert_array_equal(scores[np.isfinite(scores)], output[np.isfinite(scores)])
    nobody = reading.ask("unheard of", dataset.inputs, assets)
    scores, names = reading.answered(output, nobody, assets)
    assert [names[place] for place in np.argsort(-scores, kind="stable")] == list(known.items)


@pytest.mark.parametrize("content", [b"", b"x", b"x\x9c\x03\x00\x00\x00\x00\x01", Known(("a",), (), 3).to_bytes()[:-3]])
def test_damaged_ids_of_a_release_are_said(workspace: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=FILE):
        RatingsReading().learned({FILE: content})
