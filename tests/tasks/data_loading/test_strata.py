import random
from collections import Counter
from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import Split
from tasks.data_loading.splitting import HASHES, assign
from tasks.data_loading.strata import EXACT, MANY, MOST, Splitter, Strata, stratify
from tasks.samples import SPLITS, SplitName

TENTHS = Split(validation=0.1, test=0.1)
KNOWN: tuple[tuple[SplitName, ...], ...] = ((), ("train",), ("train", "test"), ("validation",), SPLITS)
hashes_of_a_class = st.sets(st.integers(0, HASHES - 1), max_size=150)
fractions = st.builds(Split, validation=st.floats(0.02, 0.45), test=st.floats(0.02, 0.45))


def drawn(seed: int, count: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(HASHES) for _ in range(count)]


def counts(hashes: Collection[int], known: Collection[SplitName] = (), split: Split = TENTHS) -> Counter[SplitName]:
    return Counter(stratify(hashes, known, split).values())


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [3, 9, 10, 21, 40, 59])
def test_a_rare_class_has_its_share_of_each_split_to_within_one_sample(count: int, seed: int) -> None:
    found = counts(drawn(seed, count))
    for name in ("validation", "test"):
        assert found[name] >= 1
        assert abs(found[name] - count / 10) <= 1
    assert found["train"] >= 1


def test_hashes_alone_would_give_a_split_nothing_of_such_a_class() -> None:
    by_hash = [Counter(assign(each, None, (), TENTHS) for each in drawn(seed, 20)) for seed in range(200)]
    assert sum(found["test"] == 0 for found in by_hash) > 10
    assert all(counts(drawn(seed, 20))["test"] in (1, 2, 3) for seed in range(200))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, {}), (1, {"train": 1}), (2, {"test": 1, "train": 1}), (3, {"test": 1, "validation": 1, "train": 1})],
)
def test_of_very_few_samples_training_has_the_first_and_the_decision_the_next(
    count: int, expected: dict[SplitName, int]
) -> None:
    assert counts(drawn(1, count)) == expected


@given(hashes_of_a_class, st.sampled_from(KNOWN), fractions)
def test_splits_follow_from_the_samples_alone_and_each_is_in_one(
    hashes: set[int], known: Collection[SplitName], split: Split
) -> None:
    placed = stratify(hashes, known, split)
    assert placed == stratify(sorted(hashes, reverse=True), known, split)
    assert placed.keys() == hashes
    assert not set(placed.values()) & (set(known) - {"train"})
    if len(hashes) > 2:
        assert set(placed.values()) >= {"train", "test", "validation"} - set(known)


@given(hashes_of_a_class, st.integers(0, HASHES - 1), st.sampled_from(KNOWN), fractions)
def test_a_sample_that_is_added_moves_few_others(
    hashes: set[int], more: int, known: Collection[SplitName], split: Split
) -> None:
    before, after = stratify(hashes, known, split), stratify({*hashes, more}, known, split)
    assert sum(before[each] != after[each] for each in hashes) <= 6


def test_a_class_that_stops_to_be_rare_moves_hardly_at_all() -> None:
    moved = []
    for seed in range(100):
        hashes = drawn(seed, 10 * MANY - 1)
        moved.append(sum(name != assign(each, None, (), TENTHS) for each, name in stratify(hashes, (), TENTHS).items()))
    assert sum(each > 0 for each in moved) <= 1


@pytest.mark.parametrize("known", [("train", "test"), ("validation",), SPLITS])
def test_only_what_the_source_does_not_declare_is_taken_out_of_a_rare_class(known: Collection[SplitName]) -> None:
    found = counts(drawn(3, 30), known)
    assert {name for name in found if name != "train"} == {"validation", "test"} - set(known)
    assert all(2 <= count <= 4 for name, count in found.items() if name != "train")


def test_samples_of_frequent_classes_stay_where_their_hash_puts_them() -> None:
    strata = Strata(TENTHS)
    strata.add(1, drawn(1, 150))
    strata.add(1, drawn(2, 150))
    strata.add(2, drawn(3, 12))
    moved = strata.moved(())
    assert strata.frequent == {1}
    assert moved.keys() <= {*drawn(3, 12)}
    splitter = Splitter(frozenset(), TENTHS, moved)
    placed = [splitter.split_of(each, None) for each in drawn(3, 12)]
    assert Counter(placed) == counts(drawn(3, 12))
    assert all(splitter.split_of(each, None) == assign(each, None, (), TENTHS) for each in drawn(1, 150))


def test_what_is_declared_stays_where_it_is_though_its_equal_is_moved() -> None:
    splitter = Splitter(frozenset(), TENTHS, {5: "validation"})
    assert [splitter.split_of(5, declared) for declared in (None, "train", "validation", "test")] == [
        "validation",
        "validation",
        "validation",
        "test",
    ]


def test_equal_samples_of_several_classes_are_on_one_side() -> None:
    strata, shared = Strata(TENTHS), drawn(7, 3)
    strata.add(1, [*drawn(1, 40), *shared])
    strata.add(2, shared)
    moved = strata.moved(())
    placed = [Splitter(frozenset(), TENTHS, moved).split_of(each, None) for each in shared]
    assert sorted(placed) == ["test", "train", "validation"]  # as the rarer class wants them


def test_memory_does_not_grow_with_frequent_classes() -> None:
    strata = Strata(Split(validation=1e-9, test=0.5))
    for start in range(0, 3 * MOST, 256):
        strata.add(1, range(start, start + 256))
    assert not strata.hashes
    assert MANY > EXACT


@given(
    st.lists(st.tuples(st.integers(0, HASHES - 1), st.sampled_from((None, *SPLITS))), max_size=40),
    st.sampled_from(KNOWN),
    fractions,
    st.data(),
)
def test_the_splits_of_many_samples_are_those_of_each(
    drawn: list[tuple[int, SplitName | None]], known: tuple[SplitName, ...], split: Split, data: st.DataObject
) -> None:
    drawn = [*drawn, (0, None), (HASHES - 1, None), (int(split.test * HASHES), None)]
    hashes = [each for each, _ in drawn]
    moved = data.draw(st.dictionaries(st.sampled_from(hashes), st.sampled_from(SPLITS), max_size=5))
    splitter = Splitter(frozenset(known), split, moved)
    places = np.array([(None, *SPLITS).index(declared) for _, declared in drawn], np.uint8)
    found = splitter.splits_of(np.array(hashes, np.uint64), places)
    assert [SPLITS[place] for place in found] == [splitter.split_of(each, declared) for each, declared in drawn]
