from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tasks.deployment.stores.directory import DirectoryStore
from tasks.deployment.stores.protocol import Leftover
from tasks.errors import StoreError
from tests.tasks.deployment.killing import die, die_at_flush, killed

KEY = "some/key"


def swap_up_to(root: Path, flush: int) -> None:
    die_at_flush(flush)
    store = DirectoryStore(f"file://{root}")
    store.compare_and_swap(KEY, b"new" * 1000, store.get(KEY).tag)


def test_a_writer_killed_at_any_moment_leaves_the_old_object_or_the_new_and_no_lock(tmp_path: Path) -> None:
    store = DirectoryStore(f"file://{tmp_path}")
    seen = []
    for flush in range(10):
        store.put(KEY, b"old")
        died = killed(partial(swap_up_to, tmp_path, flush))
        seen.append(store.get(KEY).content)
        assert [entry.key for entry in store.list("some")] == [KEY]
        if not died:
            break
    assert seen[0] == b"old"
    assert seen[-1] == b"new" * 1000
    assert set(seen) == {b"old", b"new" * 1000}


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, no folder")
    with pytest.raises(StoreError, match=r"that can be read and written.*Check the path in deployment\.store"):
        DirectoryStore(f"file://{tmp_path}/store").put(KEY, b"content")


def write_and_die(root: Path, file: Path) -> None:
    DirectoryStore(f"file://{root}").put_file(KEY, file, lambda _: die())


def test_what_a_killed_writer_leaves_is_found_and_removed(tmp_path: Path) -> None:
    root, file = tmp_path / "store", tmp_path / "file"
    file.write_bytes(b"content")
    assert killed(partial(write_and_die, root, file))
    store = DirectoryStore(f"file://{root}")
    (left,) = store.leftovers()
    assert left.key == "some/"
    assert left.began.tzinfo is not None
    store.discard(left)
    store.discard(left)
    assert list(store.leftovers()) == []
    assert list(store.list("some")) == []


@pytest.mark.parametrize("handle", ["some/key", "../.staged-x", ".lock"])
def test_only_leftovers_are_discarded(tmp_path: Path, handle: str) -> None:
    store = DirectoryStore(f"file://{tmp_path}")
    store.put(KEY, b"content")
    with pytest.raises(StoreError):
        store.discard(Leftover("some/", datetime.now(UTC), handle))
    assert store.get(KEY).content == b"content"
