"""Reviews of releases that wait in staging, as they lie in a store.

::

    models/<model>/approvals/<staging>/<generation>.json    who has approved or rejected what staging pointed to

A review is about one move of staging. It is created by one conditional write and never changed, so of two people who
answer at the same moment the first one counts, and the other is told so. A release that is put into staging again is
another move, and waits for a review of its own.
"""

from tasks.deployment.records import Pointer, Review
from tasks.deployment.registry import decode, encode, find
from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import Conflict, NotFound, ReleaseError, StoreUnavailable


def reviews_folder(model: str, staging: str) -> str:
    """Return the key under which the reviews of a channel's moves lie.

    Args:
        model: its name.
        staging: the channel's name.
    """
    return f"models/{model}/approvals/{staging}"


def review_key(model: str, staging: str, generation: int) -> str:
    """Return where the review of a move is.

    Args:
        model: its name.
        staging: the channel's name.
        generation: of the move.
    """
    return f"{reviews_folder(model, staging)}/{generation:08}.json"


def read_review(store: Readable, model: str, staging: str, staged: Pointer) -> Review | None:
    """Return the review of what staging points to; None while it waits.

    Args:
        store: of the releases.
        model: its name.
        staging: the channel's name.
        staged: the channel's move.

    Raises:
        ReleaseError: what lies there is no review, or is about another release.
        StoreError: the store cannot be read.
    """
    key = review_key(model, staging, staged.generation)
    try:
        found = decode(store.get(key).content, Review, f"{store.url}/{key}")
    except NotFound:
        return None
    about = (found.version, found.manifest_sha256, found.generation)
    if about != (staged.version, staged.manifest_sha256, staged.generation):
        raise ReleaseError(
            f"Expected {key} in {store.url} to be about release {staged.version}. Received: a review of release "
            f"{found.version}. It was changed outside of slimline: restore it from a backup of the store."
        )
    return found


def write_review(store: Store, model: str, staging: str, staged: Pointer, review: Review) -> Review:
    """Write a review unless there is one; whoever is killed or loses an answer finds out by asking again.

    Args:
        store: of the releases.
        model: its name.
        staging: the channel's name.
        staged: the move that it is about.
        review: what is to be written.

    Returns:
        the review that counts: this one, or the one that was there first.

    Raises:
        StoreError: the store does not keep conditions on writes, or cannot be written.
    """
    try:
        store.compare_and_swap(review_key(model, staging, staged.generation), encode(review), None)
    except (Conflict, StoreUnavailable):
        if found := read_review(store, model, staging, staged):
            return found
        raise
    return review


def reviews(store: Store, model: str, staging: str) -> list[Review]:
    """Return the reviews of a channel's moves, the newest first; what is none is passed over.

    Args:
        store: of the releases.
        model: its name.
        staging: the channel's name.

    Raises:
        StoreError: the store cannot be listed.
    """
    found = find(store, reviews_folder(model, staging), Review).records
    return sorted(found.values(), key=lambda review: -review.generation)
