from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data_loading.sources.protocol import SourceListing
from tasks.watching.asking import reasons_by_content, reasons_by_name
from tasks.watching.records import SourceState, TrainedOn
from tests.tasks.watching.material import write_dataset

Classes = dict[str, int]


def state(classes: Classes | None, files: int = 1, size: int | None = None) -> SourceState:
    count = files if classes is None else sum(classes.values())
    listing = SourceListing(kind="folder", location="pets", digest="a" * 64, files=count)
    return SourceState(listing=listing, bytes=size, classes=classes)


def trained(listed: SourceState, classes: Classes | None = None) -> TrainedOn:
    used = classes or {}
    return TrainedOn(
        state=listed, samples=sum(used.values()), classes=used, ending="Released", at="2026-01-01T00:00:00Z"
    )


def by_name(before: SourceState, now: SourceState, max_shrink: float = 0.2) -> tuple[str, ...]:
    return reasons_by_name(trained(before), now, max_shrink)


def test_growth_needs_nobody() -> None:
    assert by_name(state({"cat": 10, "dog": 10}), state({"cat": 100, "dog": 9})) == ()


def test_new_and_vanished_classes_are_asked_about() -> None:
    found = by_name(state({"cat": 10, "dog": 10}), state({"cat": 10, "bird": 10}))
    assert found == ("A class is new: bird.", "A class is gone: dog.")
    (many,) = by_name(state({"a": 1}), state(dict.fromkeys("abcdefghi", 1)))
    assert many == "8 classes are new: b, c, d, e, f and 3 more."


@pytest.mark.parametrize(("left", "asked"), [(80, False), (79, True), (0, True)])
def test_a_source_that_shrank_by_more_than_the_limit_is_asked_about(left: int, asked: bool) -> None:
    found = by_name(state(None, files=100), state(None, files=left))
    assert bool(found) is asked
    if asked:
        assert found[0].startswith(f"{100 - left}% of the files are gone (100, now {left}; watch.max_shrink)")


def test_an_archive_is_asked_about_by_its_bytes() -> None:
    assert by_name(state(None, size=1000), state(None, size=900)) == ()
    assert by_name(state(None, size=1000), state(None, size=100)) == (
        "90% of the bytes are gone (1,000, now 100; watch.max_shrink).",
    )
    assert by_name(state(None, size=1000), state(None, size=None)) == ()


def test_samples_tell_what_names_cannot(workspace: Path) -> None:
    before = trained(state(None), {"cat": 50, "dog": 50})
    assert reasons_by_content(before, write_dataset({"cat": 50, "dog": 45}), 0.2) == ()
    assert reasons_by_content(before, write_dataset({"cat": 50, "bird": 50}), 0.2) == (
        "A class is new: bird.",
        "A class is gone: dog.",
    )
    (shrunk,) = reasons_by_content(before, write_dataset({"cat": 30, "dog": 30}), 0.2)
    assert shrunk.startswith("40% of the samples are gone")


@given(
    before=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1),
    now=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1),
    limit=st.floats(0, 1),
)
def test_a_person_is_asked_just_where_classes_differ_or_too_much_is_gone(
    before: Classes, now: Classes, limit: float
) -> None:
    was, left = sum(before.values()), sum(now.values())
    expected = (before.keys() != now.keys()) or was - left > limit * was
    assert bool(by_name(state(before), state(now), limit)) is expected
