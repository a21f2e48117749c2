"""The watch's memory: what was trained on, what was tried and what waits. It lies in the store, where all workers look.

::

    models/<model>/data/trained.json    what the last finished run went through
    models/<model>/data/attempt.json    runs on another state that began and did not finish
    models/<model>/data/waiting.json    a state that waits for a person, see data_consents.py for what they say
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.config import Params
from tasks.data_loading.fingerprint import SOURCE
from tasks.data_loading.sources.protocol import SourceListing
from tasks.deployment.records import MAX_REASON
from tasks.deployment.registry import data_key, decode, encode, now
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.data_consents import DataConsent, Verdict, consent_to, read_consent
from tasks.deployment.releases.promotion import Registry
from tasks.errors import ConfigError, NotFound
from tasks.records import AnyRecord, read_record
from tasks.samples import read_dataset
from tasks.text import storable
from tasks.watching.asking import samples_of, samples_of_classes
from tasks.watching.looking import state_of
from tasks.watching.records import Attempt, TrainedOn, Waiting

RUN = "the run"  # says who has refused data that cannot be used
TRAINED, ATTEMPT, WAITING = "trained", "attempt", "waiting"
LEAST_DIGITS = 8  # of a digest that a person types


@dataclass(frozen=True)
class Memory:
    """All that is known about a state of the source."""

    trained: TrainedOn | None
    attempt: Attempt | None
    waiting: Waiting | None
    consent: DataConsent | None  # what was said since it waits


def recall(registry: Registry, digest: str) -> Memory:
    """Return what is known about a state of the source.

    Args:
        registry: the project's, open.
        digest: of the state.

    Raises:
        ReleaseError: a record cannot be understood.
        StoreError: the store cannot be read.
    """
    attempt, waiting = _read(registry, ATTEMPT, Attempt), read_waiting(registry)
    if waiting and waiting.digest != digest:
        waiting = None
    consent = read_consent(registry.store, registry.model, digest)
    return Memory(
        trained=_read(registry, TRAINED, TrainedOn),
        attempt=attempt if attempt and attempt.digest == digest else None,
        waiting=waiting,
        consent=consent if consent and (waiting is None or consent.at >= waiting.at) else None,
    )


def read_waiting(registry: Registry) -> Waiting | None:
    """Return the state that a person was asked about last, be there an answer or not.

    Args:
        registry: the project's, open.

    Raises:
        ReleaseError: it cannot be understood.
        StoreError: the store cannot be read.
    """
    return _read(registry, WAITING, Waiting)


def read_unanswered(registry: Registry) -> Waiting | None:
    """Return the state that waits for a person; None where nothing does, or somebody has answered.

    Args:
        registry: the project's, open.

    Raises:
        ReleaseError: a record cannot be understood.
        StoreError: the store cannot be read.
    """
    waiting = read_waiting(registry)
    if waiting is None:
        return None
    consent = read_consent(registry.store, registry.model, waiting.digest)
    return None if consent is not None and consent.at >= waiting.at else waiting


def forget_waiting(registry: Registry, digest: str | None) -> None:
    """Let nothing wait any more but a state that is there now.

    Args:
        registry: the project's, open.
        digest: of what is there and was not trained on yet; None where it was.

    Raises:
        StoreError: the store cannot be read or written.
    """
    waiting = read_waiting(registry)
    if waiting and waiting.digest != digest:
        registry.store.delete(data_key(registry.model, WAITING))


def note_trained(params: Params, registry: Registry, ending: str) -> None:
    """Note what a run went through when it has finished, whatever came of it.

    Args:
        params: all of params.yaml.
        registry: the project's, open.
        ending: of the run.

    Raises:
        DataError: what was loaded is not here.
        StoreError: the store cannot be read or written.
    """
    state, dataset = state_of(read_record(SOURCE, SourceListing), params.data), read_dataset()
    before = _read(registry, TRAINED, TrainedOn)
    trained = TrainedOn(
        state=state, samples=samples_of(dataset), classes=samples_of_classes(dataset), ending=ending, at=now()
    )
    if before is None or before.model_copy(update={"ending": ending, "at": trained.at}) != trained:
        registry.store.put(data_key(registry.model, TRAINED), encode(trained))


def note_attempt(registry: Registry, digest: str) -> Attempt:
    """Return the note that a run begins on a state of the source, written before the run can be killed.

    Args:
        registry: the project's, open.
        digest: of the state.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = _read(registry, ATTEMPT, Attempt)
    count = before.count if before and before.digest == digest else 0
    attempt = Attempt(digest=digest, count=count + 1, at=now())
    registry.store.put(data_key(registry.model, ATTEMPT), encode(attempt))
    return attempt


def note_waiting(registry: Registry, digest: str, reasons: tuple[str, ...], classes: tuple[str, ...] | None) -> bool:
    """Note that a state of the source waits for a person.

    Args:
        registry: the project's, open.
        digest: of the state.
        reasons: why a person is asked.
        classes: of the model that would be made.

    Returns:
        whether that is new.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = read_waiting(registry)
    waiting = Waiting(digest=digest, reasons=reasons, classes=classes, at=now())
    if before and before.model_copy(update={"at": waiting.at}) == waiting:
        return False
    registry.store.put(data_key(registry.model, WAITING), encode(waiting))
    return True


def note_refused(registry: Registry, digest: str, reason: str) -> None:
    """Note that a run could not use a state of the source: no other run begins on it, unless a person approves it.

    Args:
        registry: the project's, open.
        digest: of the state.
        reason: what the run said.

    Raises:
        StoreError: the store cannot be read or written.
    """
    words = storable(reason)[:MAX_REASON].strip() or "It cannot be used."
    note_waiting(registry, digest, (words,), None)
    consent_to(registry.store, registry.model, registry.served or "", digest, None, "refused", Why(words, RUN))


def answer(registry: Registry, digest: str, verdict: Verdict, why: Why) -> DataConsent:
    """Return the record of what a person says of the data that waits, here or through Prefect's pages.

    Args:
        registry: the project's, open.
        digest: of the data, or its first eight digits or more.
        verdict: approved, or refused.
        why: the reason, and who has it.

    Raises:
        ConfigError: nothing waits, or something else does.
        StoreError: the store cannot be read or written.
    """
    waiting = read_waiting(registry)
    said = f"data {digest[:64]!r}"
    if waiting is None:
        raise ConfigError(f"Expected data of {registry.model} that waits for a person. Received: {said}; none waits.")
    if len(digest) < LEAST_DIGITS or not waiting.digest.startswith(digest):
        raise ConfigError(
            f"Expected the digest of the data of {registry.model} that waits, {waiting.digest}, or its first "
            f"{LEAST_DIGITS} digits or more. Received: {said}."
        )
    channel = registry.served or ""
    return consent_to(registry.store, registry.model, channel, waiting.digest, waiting.classes, verdict, why)


def seconds_since(moment: str, at: datetime | None = None) -> float:
    """Return how long ago a moment was.

    Args:
        moment: UTC, ISO 8601.
        at: now, if not the clock's.
    """
    return ((at or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()


def _read(registry: Registry, name: str, kind: type[AnyRecord]) -> AnyRecord | None:
    key = data_key(registry.model, name)
    try:
        return decode(registry.store.get(key).content, kind, key)
    except NotFound:
        return None
