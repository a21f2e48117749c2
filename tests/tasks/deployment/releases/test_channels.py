from typing import Any

import pytest

from tasks.deployment.records import LABELS, PACKED, DataDigests, File, Manifest, Pointer
from tasks.deployment.registry import Sealed, Seen, channel_key, current, see
from tasks.deployment.releases.channels import Why, audit_key, entry, move, trail
from tasks.deployment.stores.protocol import Store
from tasks.errors import Conflict, ReleaseError, StoreUnavailable
from tests.tasks.deployment.interrupted import Interrupted

WHY = Why("better", "alice")


def release(version: int) -> Sealed:
    file = File(bytes=1, sha256="0" * 64)
    manifest = Manifest(
        model="digits",
        version=version,
        recipe="int8",
        created="2026-01-01T00:00:00+00:00",
        commit=None,
        dirty=None,
        metrics={"accuracy": 0.5},
        data=DataDigests(source="", prepared="0" * 64),
        versions={},
        files={PACKED: file, LABELS: file},
        unpacked=file,
    )
    return Sealed(manifest, f"{version:064x}", b"", ())


def point(store: Store, version: int, seen: Seen | None = None) -> Pointer:
    return move(store, "digits", "production", seen or see(store, "digits", "production"), release(version), WHY)


def moves(store: Store) -> list[tuple[int, int]]:
    return [(move.generation, move.version) for move in trail(store, "digits", "production")]


def test_a_channel_moves_only_from_where_it_was_seen(store: Store) -> None:
    nowhere = see(store, "digits", "production")
    first = point(store, 1)
    with pytest.raises(Conflict):
        point(store, 2, nowhere)
    assert current(store, "digits", "production") == first
    second = point(store, 1)
    assert (first.generation, second.generation) == (1, 2)
    assert first.nonce != second.nonce


def test_every_move_is_on_the_trail_the_newest_first(store: Store) -> None:
    assert moves(store) == []
    made = [point(store, version) for version in (1, 2, 5)]
    assert list(trail(store, "digits", "production")) == made[::-1]
    assert [(move.previous, move.fallback) for move in made] == [(None, None), (1, 1), (2, 2)]
    assert {(move.moved_by, move.reason, move.kind) for move in made} == {("alice", "better", "promote")}


def test_the_trails_of_two_channels_are_apart(store: Store) -> None:
    point(store, 1)
    move(store, "digits", "staging", see(store, "digits", "staging"), release(2), WHY)
    assert moves(store) == [(1, 1)]


def give_no_answer() -> None:
    raise StoreUnavailable("no answer")


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("write", [0, 1, 2])  # the last move's copy, the move, its copy
def test_a_write_that_gets_no_answer_leaves_no_gap(store: Store, write: int, done: bool) -> None:
    point(store, 1)
    store.delete(audit_key("digits", "production", 1))  # as if the mover had been killed before he wrote it
    interrupted: Any = Interrupted(store, write, after=done, happens=give_no_answer)
    happens = write == 2 or (write == 1 and done)
    if happens:
        assert point(interrupted, 2).version == 2
    else:
        with pytest.raises(StoreUnavailable):
            point(interrupted, 2)
    expected = [(2, 2), (1, 1)] if happens else [(1, 1)]
    assert moves(store) == expected
    point(store, 3)
    assert moves(store) == [(len(expected) + 1, 3), *expected]


def test_a_move_that_happened_and_was_followed_before_its_answer_was_lost_is_no_conflict(store: Store) -> None:
    class Overtaken(Interrupted):
        def __getattr__(self, name: str) -> Any:
            def swap(*arguments: Any) -> None:
                self.store.compare_and_swap(*arguments)
                point(self.store, 9)
                raise Conflict("somebody else's change")

            return swap if name == "compare_and_swap" else getattr(self.store, name)

    overtaken: Any = Overtaken(store, 0)
    assert point(overtaken, 1).generation == 1
    assert moves(store) == [(2, 9), (1, 1)]


def test_a_channel_that_was_set_back_does_not_move_and_says_so(store: Store) -> None:
    key = channel_key("digits", "production")
    point(store, 1)
    old = store.get(key).content
    point(store, 2)
    store.put(key, old)
    with pytest.raises(ReleaseError, match=r"set back.*restore models/digits/channels/production\.json"):
        point(store, 3)
    store.put(key, store.get(audit_key("digits", "production", 2)).content)
    point(store, 3)
    assert moves(store) == [(3, 3), (2, 2), (1, 1)]


def test_a_pointer_that_was_changed_by_hand_does_not_move(store: Store) -> None:
    key = channel_key("digits", "production")
    point(store, 1)
    store.put(key, store.get(key).content.replace(b"alice", b"mallo"))
    with pytest.raises(ReleaseError, match="changed outside of slimline"):
        point(store, 2)


def test_an_entry_that_is_gone_or_moved_is_not_passed_over(store: Store) -> None:
    for version in (1, 2, 3):
        point(store, version)
    first, second = (store.get(audit_key("digits", "production", generation)).content for generation in (1, 2))
    store.put(audit_key("digits", "production", 2), first)
    with pytest.raises(ReleaseError, match="generation 2"):
        entry(store, "digits", "production", 2)
    store.delete(audit_key("digits", "production", 2))
    with pytest.raises(ReleaseError, match="Somebody has removed it"):
        moves(store)
    store.put(audit_key("digits", "production", 2), second)
    assert len(moves(store)) == 3
