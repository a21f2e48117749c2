"""Consents to data: a person has looked at what changed, and lets a model be made of it, or not.

::

    models/<model>/data/consents/<digest>.json

A consent names the state of the source by its digest, and with it the release whose place the new model may take though
it knows other classes. That counts once: it names the channel's generation, too. A consent says who gave it as that
person has typed it; whoever may write to the store may write one, as they may move a channel.
"""

from typing import Annotated, Literal

from pydantic import Field

from tasks.config import check_digest
from tasks.deployment.records import MAX_BY, MAX_REASON, Number, Pointer, Sha256
from tasks.deployment.registry import SUFFIX, current, data_key, decode, encode, find, now
from tasks.deployment.releases.channels import Why
from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import NotFound
from tasks.evaluation.records import Consent
from tasks.records import Record

FOLDER = "consents"
Verdict = Literal["approved", "refused"]


class Replaced(Record):
    """The release whose place a model of other classes may take: where it is, since which move."""

    channel: str
    version: Number
    manifest_sha256: Sha256
    generation: Number

    def names(self, channel: str, pointer: Pointer) -> bool:
        """Return whether the channel points to it, and has done so since.

        Args:
            channel: its name.
            pointer: where it points to now.
        """
        return (self.channel, self.manifest_sha256, self.generation) == (
            channel,
            pointer.manifest_sha256,
            pointer.generation,
        )


class DataConsent(Record):
    """The word of a person about a state of the source.

    ``classes``: those that its model knows, as far as that was known; None where there are none.
    """

    digest: Sha256
    verdict: Verdict
    classes: tuple[str, ...] | None
    replaces: Replaced | None
    by: Annotated[str, Field(max_length=MAX_BY)]
    at: str  # UTC, ISO 8601
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]

    def describe(self, model: str) -> str:
        """Say to the one who gave it what comes of it.

        Args:
            model: the name under which it is released.
        """
        said = f"The data {self.digest[:12]} of {model} is {self.verdict}."
        if self.verdict == "refused":
            return f"{said} No run begins on it."
        takes = f"; its model may take the place of release {self.replaces.version}" if self.replaces else ""
        return f"{said} The next look of the watch begins a run on it{takes}."


def consent_to(
    store: Store, model: str, channel: str, digest: str, classes: tuple[str, ...] | None, verdict: Verdict, why: Why
) -> DataConsent:
    """Enter the word of a person about a state of the source; the last one counts.

    Args:
        store: where it is kept.
        model: the name under which it is released.
        channel: its release is the one that may be replaced.
        digest: of the source's listing.
        classes: of the model that will be made.
        verdict: approved or refused.
        why: who says it, for what reason.

    Returns:
        the consent, as it is kept.

    Raises:
        ConfigError: the digest is none.
        StoreError: the store cannot be read or written.
    """
    pointer = current(store, model, channel)
    consent = DataConsent(
        digest=check_digest(digest),
        verdict=verdict,
        classes=classes,
        replaces=Replaced(
            channel=channel,
            version=pointer.version,
            manifest_sha256=pointer.manifest_sha256,
            generation=pointer.generation,
        )
        if pointer
        else None,
        by=why.by,
        at=now(),
        reason=why.reason,
    )
    store.put(data_key(model, f"{FOLDER}/{digest}"), encode(consent))
    return consent


def read_consent(store: Readable, model: str, digest: str) -> DataConsent | None:
    """Return what a person has said of a state of the source; None where nobody has.

    Args:
        store: where it is kept.
        model: the model's name.
        digest: of the source's listing.

    Raises:
        ReleaseError: it cannot be understood.
        StoreError: the store cannot be read.
    """
    key = data_key(model, f"{FOLDER}/{digest}")
    try:
        return decode(store.get(key).content, DataConsent, key)
    except NotFound:
        return None


def find_replacing(store: Store, model: str, channel: str, pointer: Pointer) -> Consent | None:
    """Return what consents to data say of the release that a channel points to; None where none names it.

    What cannot be understood is no consent.

    Args:
        store: where consents are kept.
        model: the model's name.
        channel: its name.
        pointer: where it points to.

    Raises:
        StoreError: the store cannot be read.
    """
    folder = data_key(model, FOLDER).removesuffix(SUFFIX)
    consents = find(store, folder, DataConsent, lambda name, consent: name == consent.digest).records.values()
    naming = [each for each in consents if each.replaces and each.replaces.names(channel, pointer)]
    if not naming:
        return None
    last = max(naming, key=lambda each: (each.at, each.digest))
    said = f"{last.by} has {last.verdict} the data {last.digest[:12]} at {last.at}"
    if last.verdict == "refused":
        return Consent(counts=False, sentence=f"{said}.")
    return Consent(
        counts=last.classes is not None,
        sentence=f"{said}, whose model may take the place of release {pointer.version}, once.",
        classes=last.classes,
    )
