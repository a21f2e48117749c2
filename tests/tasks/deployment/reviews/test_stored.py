"""Reviews in both stores: the first one counts, whoever is interrupted."""

import pytest

from tasks.deployment.records import Pointer, Review
from tasks.deployment.reviews.stored import read_review, review_key, reviews, write_review
from tasks.deployment.stores.protocol import Store
from tasks.errors import ReleaseError, StoreError

STAGED = Pointer(
    version=2,
    manifest_sha256="a" * 64,
    generation=7,
    nonce="n",
    kind="promote",
    moved_at="2026-01-01T00:00:00+00:00",
    moved_by="a run",
    reason="It passed.",
    previous=1,
    fallback=6,
)


def review(by: str, decision: str = "approved") -> Review:
    return Review.model_validate(
        {
            "decision": decision,
            "version": 2,
            "manifest_sha256": "a" * 64,
            "generation": 7,
            "channel": "production",
            "channel_generation": 3,
            "nonce": by,
            "at": "2026-01-01T00:00:00+00:00",
            "by": by,
            "reason": "looked at",
            "origin": "a terminal on desk",
        }
    )


def test_the_first_review_of_a_move_counts_and_stays(store: Store) -> None:
    assert read_review(store, "shades", "staging", STAGED) is None
    first = write_review(store, "shades", "staging", STAGED, review("ann"))
    assert write_review(store, "shades", "staging", STAGED, review("bob", "rejected")) == first
    assert write_review(store, "shades", "staging", STAGED, first) == first
    assert read_review(store, "shades", "staging", STAGED) == first
    later = STAGED.model_copy(update={"generation": 8})
    assert read_review(store, "shades", "staging", later) is None
    write_review(store, "shades", "staging", later, review("bob").model_copy(update={"generation": 8}))
    assert [each.generation for each in reviews(store, "shades", "staging")] == [8, 7]


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b"\xff"])
def test_what_is_no_review_is_refused(store: Store, content: bytes) -> None:
    store.put(review_key("shades", "staging", 7), content)
    with pytest.raises((ReleaseError, StoreError)):
        write_review(store, "shades", "staging", STAGED, review("ann"))
    assert reviews(store, "shades", "staging") == []
