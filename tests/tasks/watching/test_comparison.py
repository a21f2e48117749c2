import shutil
from pathlib import Path

import pytest

from tasks.data_loading.kept_listings import FOLDER
from tasks.watching.comparison import MOST_LETTERS, MOST_NAMED, ClassDifference, Difference, compare
from tasks.watching.looking import look
from tests.tasks.watching.material import FILES, params_of, write_files

DATA = params_of().data


@pytest.fixture(autouse=True)
def pets(workspace: Path) -> None:
    write_files(FILES)


def difference_after_change() -> tuple[Difference, Difference]:
    """The differences after one file of each kind, with the listings of both states kept and without."""
    before = look(DATA)
    write_files({"cat/new.png": b"x", "cat/1.png": b"other bytes", "bird/1.png": b"x"})
    shutil.rmtree("pets/dog")
    now = look(DATA)
    exact = compare(before, now, DATA)
    shutil.rmtree(FOLDER)
    return exact, compare(before, now, DATA)


def test_files_that_were_added_removed_and_changed_are_counted_by_class() -> None:
    found, _ = difference_after_change()
    assert found.exact
    assert (found.files, found.added, found.removed, found.changed) == (12, 2, 10, 1)
    assert found.classes == {
        "dog": ClassDifference(removed=10),
        "cat": ClassDifference(added=1, changed=1),
        "bird": ClassDifference(added=1),
    }
    assert (found.new_classes, found.vanished_classes) == (("bird",), ("dog",))
    assert found.sentence == "2 files added, 10 files removed, 1 file changed. New: bird. Gone: dog."


def test_where_a_listing_is_not_kept_numbers_tell_the_least_that_changed() -> None:
    _, found = difference_after_change()
    assert not found.exact
    assert (found.added, found.removed, found.changed) == (2, 10, 0)
    assert (found.new_classes, found.vanished_classes) == (("bird",), ("dog",))


def test_the_first_look_finds_all_files_new_and_no_class() -> None:
    found = compare(None, look(DATA), DATA)
    assert (found.added, found.removed, found.changed, found.new_classes) == (20, 0, 0, ())


def test_a_difference_is_bounded_however_many_classes_there_are() -> None:
    before = look(DATA)
    write_files({f"{number:03}{'x' * 200}/1.png": b"x" for number in range(300)})
    found = compare(before, look(DATA), DATA)
    assert (len(found.classes), found.more_classes) == (MOST_NAMED, 250)
    assert (len(found.new_classes), found.new_count) == (MOST_NAMED, 300)
    assert max(map(len, (*found.classes, *found.new_classes))) == MOST_LETTERS
    assert len(found.model_dump_json()) < 20_000
    assert found.sentence.endswith(" and 295 more.")


def test_names_are_shown_as_text() -> None:
    before = look(DATA)
    write_files({"\x1b[31m\u202e/1.png": b"x"})
    assert compare(before, look(DATA), DATA).new_classes == (r"\x1b[31m\u202e",)
