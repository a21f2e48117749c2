"""Records as they are stored, and the sentence where one cannot be read."""

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import ValidationError

from tasks.deployment.records import Manifest
from tasks.deployment.stores.protocol import SMALL
from tasks.errors import ReleaseError
from tasks.files import to_json
from tasks.records import AnyRecord, Record

SHOWN = 200  # characters of what is wrong with a record


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def encode(record: Record) -> bytes:
    """Return a record as it is stored.

    Args:
        record: any.

    Raises:
        ReleaseError: it is larger than readers take.
    """
    content = to_json(record.model_dump(mode="json")).encode()
    if len(content) > SMALL:
        raise ReleaseError(
            f"Expected a {type(record).__name__} of at most {SMALL:,} bytes, which is what readers take. "
            f"Received: {len(content):,}. Nothing was written."
        )
    return content


def decode(content: bytes, kind: type[AnyRecord], origin: str) -> AnyRecord:
    """Return a record as it was stored.

    Args:
        content: its bytes.
        kind: of record.
        origin: of the bytes, for a person.

    Raises:
        ReleaseError: it is not one.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise ReleaseError(
            f"Expected {origin} to be a {kind.__name__} that this version of slimline reads. Received: "
            f"{_first_problem(error)}. If a newer slimline has written it, update this one."
        ) from None


def _first_problem(error: ValidationError) -> str:
    """A problem of a record in few words: there may be as many as somebody likes."""
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    key = ".".join(map(str, first["loc"]))[:SHOWN]
    more = f", and {len(others):,} more problems" if others else ""
    return f"{f'{key}: ' if key else ''}{first['msg'][:SHOWN]}{more}"


def digest_of(manifest: Manifest) -> str:
    """Return the SHA-256 of a manifest's bytes, by which channels name it.

    Args:
        manifest: of a release.
    """
    return hashlib.sha256(encode(manifest)).hexdigest()


@contextlib.contextmanager
def as_readers_take_it() -> Iterator[None]:
    """Refuse records that readers would refuse, made in the block before anything is written.

    Yields:
        nothing.

    Raises:
        ReleaseError: they would.
    """
    try:
        yield
    except ValidationError as error:
        raise ReleaseError(
            f"Expected a {error.title} that readers take. Received: {_first_problem(error)}. Nothing was released."
        ) from None
