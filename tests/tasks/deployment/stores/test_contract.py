"""The contract that every store keeps, run over each of them."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from tasks.config import Deployment
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import SMALL, Entry, Store
from tasks.errors import Conflict, NotFound, StoreError
from tests.processes import CLEAN, take_over

KEY = "models/digits/channels/production.json"
WRITERS = 4

racer: "Racer"


def test_params_take_its_address(store_url: str) -> None:
    assert Deployment(model="shades", store=store_url).store == store_url


def test_what_was_put_is_read(store: Store) -> None:
    store.put(KEY, b"one")
    store.put(KEY, b"two")
    assert store.get(KEY).content == b"two"


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put_if_absent(KEY, b"")
    assert store.get(KEY).content == b""


def test_an_object_that_is_not_there_is_not_found(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such object"):
        store.get(KEY)
    with pytest.raises(NotFound):
        store.read_to(KEY, tmp_path / "file", 10)


def test_the_tag_follows_the_content(store: Store) -> None:
    store.put(KEY, b"one")
    first = store.get(KEY)
    store.put(KEY, b"two")
    assert store.get(KEY).tag != first.tag
    store.put(KEY, b"one")
    assert store.get(KEY) == first


def test_what_still_has_its_tag_is_not_read_again(store: Store) -> None:
    with pytest.raises(NotFound):
        store.get_if_changed(KEY, "tag")
    store.put(KEY, b"one")
    first = store.get(KEY)
    assert store.get_if_changed(KEY, first.tag) is None
    store.put(KEY, b"two")
    assert store.get_if_changed(KEY, first.tag) == store.get(KEY)


def test_only_the_first_content_is_put_if_absent(store: Store) -> None:
    store.put_if_absent(KEY, b"first")
    with pytest.raises(Conflict, match="somebody else"):
        store.put_if_absent(KEY, b"second")
    assert store.get(KEY).content == b"first"


def test_the_same_content_may_be_put_again(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    store.put_file(KEY, file)
    store.put_file(KEY, file)
    store.put_if_absent(KEY, b"content")


def test_a_file_goes_there_and_back(store: Store, tmp_path: Path) -> None:
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(bytes(range(256)) * 20_000)
    store.put_file(KEY, sent)
    store.read_to(KEY, received, sent.stat().st_size)
    assert received.read_bytes() == sent.read_bytes()


def test_a_file_does_not_replace_another_content(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"second")
    store.put_if_absent(KEY, b"first")
    with pytest.raises(Conflict):
        store.put_file(KEY, file)
    assert store.get(KEY).content == b"first"


def test_more_bytes_than_allowed_are_not_read(store: Store, tmp_path: Path) -> None:
    store.put(KEY, b"0123456789")
    with pytest.raises(StoreError, match="at most 9 bytes"):
        store.read_to(KEY, tmp_path / "file", 9)
    store.put(KEY, bytes(SMALL + 1))
    with pytest.raises(StoreError, match="at most"):
        store.get(KEY)


def test_a_swap_with_the_right_tag_replaces(store: Store) -> None:
    store.compare_and_swap(KEY, b"one", None)
    store.compare_and_swap(KEY, b"two", store.get(KEY).tag)
    assert store.get(KEY).content == b"two"


def test_a_swap_with_an_old_tag_is_refused(store: Store) -> None:
    store.put(KEY, b"one")
    tag = store.get(KEY).tag
    store.put(KEY, b"two")
    with pytest.raises(Conflict):
        store.compare_and_swap(KEY, b"three", tag)
    with pytest.raises(Conflict):
        store.compare_and_swap(KEY, b"three", None)
    assert store.get(KEY).content == b"two"


def test_a_swap_of_what_is_gone_is_refused(store: Store) -> None:
    store.put(KEY, b"one")
    tag = store.get(KEY).tag
    store.delete(KEY)
    with pytest.raises(Conflict):
        store.compare_and_swap(KEY, b"two", tag)


def test_a_swap_that_happened_already_succeeds(store: Store) -> None:
    store.put(KEY, b"one")
    tag = store.get(KEY).tag
    store.compare_and_swap(KEY, b"two", tag)
    store.compare_and_swap(KEY, b"two", tag)
    assert store.get(KEY).content == b"two"


def test_a_listing_has_the_folder_and_nothing_beside_it(store: Store) -> None:
    for key in ("a/2/x", "a/10/x", "a/10/y.json", "ab/x", "b"):
        store.put(key, key.encode())
    assert list(store.list("a")) == [Entry("a/10/x", 6), Entry("a/10/y.json", 11), Entry("a/2/x", 5)]
    assert list(store.list("none")) == []


def test_a_deleted_object_is_gone(store: Store) -> None:
    store.put(KEY, b"one")
    store.delete(KEY)
    store.delete(KEY)
    with pytest.raises(NotFound):
        store.get(KEY)
    assert list(store.list("models")) == []


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "..", "a/../b", "./a", ".lock", "a b", "a\nb", "a\\b", "ä"])
def test_a_key_that_could_lead_elsewhere_is_refused(store: Store, key: str) -> None:
    for use in (store.get, store.delete, partial(store.put, content=b""), lambda key: list(store.list(key))):
        with pytest.raises(StoreError, match="Expected a key"):
            use(key)


def test_progress_adds_up_to_the_file(store: Store, tmp_path: Path) -> None:
    file, there, back = tmp_path / "file", list[int](), list[int]()
    file.write_bytes(bytes(2_500_000))
    store.put_file(KEY, file, there.append)
    store.read_to(KEY, tmp_path / "back", 2_500_000, back.append)
    assert sum(there) == sum(back) == 2_500_000


def test_nothing_is_left_over_by_writers_that_came_to_their_end(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    store.put_file(KEY, tmp_path / "file")
    store.compare_and_swap(KEY, b"two", store.get(KEY).tag)
    assert list(store.leftovers()) == []


class Racer:
    """A process of its own with its own connection, that writes when all others are ready to."""

    def __init__(self, url: str, start: Barrier) -> None:
        self.store = open_store(url)
        self.start = start

    def write(self, work: str, writer: int) -> bool:
        tag = self.store.get(KEY).tag if work == "swap" else None
        self.start.wait()
        try:
            self.store.compare_and_swap(KEY, content_of(writer), tag)
        except Conflict:
            return False
        return True


def content_of(writer: int) -> bytes:
    return json.dumps({"writer": writer}).encode() * 500


def enter(environment: Mapping[str, str], url: str, start: Barrier) -> None:
    global racer  # noqa: PLW0603 - one a process
    take_over(environment)
    racer = Racer(url, start)


def race(work: str, writer: int) -> bool:
    return racer.write(work, writer)


@pytest.mark.parametrize("work", ["swap", "create"])
def test_of_writers_at_once_exactly_one_wins(store: Store, store_url: str, work: str) -> None:
    with ProcessPoolExecutor(WRITERS, CLEAN, enter, (dict(os.environ), store_url, CLEAN.Barrier(WRITERS))) as pool:
        for _ in range(10):
            if work == "swap":
                store.put(KEY, b"{}")
            else:
                store.delete(KEY)
            won = [writer for writer, wins in enumerate(pool.map(partial(race, work), range(WRITERS))) if wins]
            assert len(won) == 1
            assert store.get(KEY).content == content_of(won[0])
