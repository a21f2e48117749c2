from collections import Counter

import pytest

from tasks.config import Split
from tasks.data_loading.splitting import HASHES, assign
from tasks.samples import SPLITS, SplitName
from tasks.workloads.image.reading import hash_of
from tests.tasks.data_loading.material import pixels

SPLIT = Split(validation=0.2, test=0.3)
AT_TEST, AT_VALIDATION, AT_TRAIN = (int(fraction * HASHES) for fraction in (0.1, 0.4, 0.9))


def test_hashes_are_spread_evenly() -> None:
    places = [hash_of("RGB", (10, 12), pixels(seed).tobytes()) for seed in range(4000)]
    counts: Counter[str] = Counter(assign(place, None, (), SPLIT) for place in places)
    for split, share in (("test", 0.3), ("validation", 0.2), ("train", 0.5)):
        assert counts[split] / len(places) == pytest.approx(share, abs=0.03)  # four standard deviations


def test_a_hash_is_the_same_for_ever() -> None:
    assert hash_of("L", (2, 1), b"\0\xff") == 14348975978315433884


def test_a_hash_depends_on_mode_size_and_pixels() -> None:
    places = {
        hash_of("L", (2, 3), bytes(6)),
        hash_of("L", (3, 2), bytes(6)),
        hash_of("RGB", (1, 2), bytes(6)),
        hash_of("L", (2, 3), bytes(5) + b"\1"),
    }
    assert len(places) == 4


@pytest.mark.parametrize("declared", ["validation", "test"])
@pytest.mark.parametrize("place", [AT_TEST, AT_VALIDATION, AT_TRAIN])
def test_what_is_declared_to_choose_or_to_decide_stays_so(declared: SplitName, place: int) -> None:
    assert assign(place, declared, SPLITS, SPLIT) == declared


@pytest.mark.parametrize("declared", [None, "train"])
@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((), ("test", "validation", "train")),
        (("train",), ("test", "validation", "train")),
        (("train", "test"), ("train", "validation", "train")),
        (("train", "validation"), ("test", "train", "train")),
        (SPLITS, ("train", "train", "train")),
    ],
)
def test_only_the_splits_that_are_not_declared_are_taken_out_of_the_rest(
    declared: SplitName | None, known: tuple[SplitName, ...], expected: tuple[SplitName, ...]
) -> None:
    places = (AT_TEST, AT_VALIDATION, AT_TRAIN)
    assert tuple(assign(place, declared, known, SPLIT) for place in places) == expected
