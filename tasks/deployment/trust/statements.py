"""Statements of people about a release, signed in their role: so far, that they approve it.

::

    {"role": "approvers", "model": …, "version": …, "manifest_sha256": …}    in a DSSE envelope of a type of its own

The manifest names every file of the release by its SHA-256, so the statement is about all of it. All who sign say the
same, word for word, so their signatures lie in one envelope. A statement names its role and has another payload type
than a manifest: who may sign releases cannot pass for an approver by that, nor the other way round.
"""

from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.deployment.records import MAX_SIGNATURES, Number, Sha256
from tasks.deployment.trust.signing import SHOWN, STATEMENT_TYPE, countersign, is_right, parts, seal
from tasks.deployment.trust.trusted import Approvers, Trust
from tasks.errors import Untrusted
from tasks.files import to_json
from tasks.records import Record


class Statement(Record):
    """The words that approvers sign."""

    role: Literal["approvers"] = "approvers"
    model: str
    version: Number
    manifest_sha256: Sha256

    @property
    def payload(self) -> bytes:
        """The bytes that are signed."""
        return to_json(self.model_dump(mode="json")).encode()


def sign_statement(statement: Statement, key: Ed25519PrivateKey, before: bytes | None, origin: str) -> bytes:
    """Return an envelope with a statement, a new signature, and those that are there.

    Args:
        statement: that is signed.
        key: to sign with.
        before: the envelope as it is, None where there is none.
        origin: of ``before``, for messages.

    Raises:
        Untrusted: what is there says something else.
        ReleaseError: it has too many signatures.
    """
    if before is None:
        return seal(statement.payload, [key], STATEMENT_TYPE)
    _expect_words(before, statement, origin)
    return countersign(before, key)


def find_signers(content: bytes, statement: Statement, trust: Trust, origin: str) -> tuple[str, ...]:
    """Return the ids of the approvers' keys that have signed a statement and are not revoked.

    Args:
        content: of the envelope.
        statement: that must have been signed.
        trust: with the approvers.
        origin: what ``content`` is, for messages.

    Raises:
        Untrusted: it says something else, has too many signatures, or one of an approver that does not fit.
    """
    signatures = _expect_words(content, statement, origin)
    keys = trust.approvers.keys if trust.approvers else {}
    found = tuple(name for name in signatures if name in keys and name not in trust.revoked)
    for name in found:
        if not is_right(keys[name], signatures[name], statement.payload, STATEMENT_TYPE):
            raise Untrusted(
                f"Expected the signature of {name[:SHOWN]} on {origin} to fit. Received: one that does not. "
                f"It was changed after it was signed: do not use it."
            )
    return found


def expect_signers(content: bytes | None, statement: Statement, trust: Trust, origin: str) -> tuple[str, ...]:
    """Refuse a release that too few approvers have signed; where none are asked for, nothing is.

    Args:
        content: of the envelope, None where there is none.
        statement: that must have been signed.
        trust: with the approvers, if there are any.
        origin: what ``content`` is, for messages.

    Returns:
        the ids of the keys that have.

    Raises:
        Untrusted: they are too few, or what is there is not such a statement.
    """
    asked = trust.approvers
    if asked is None:
        return ()
    signers = () if content is None else find_signers(content, statement, trust, origin)
    if len(signers) < asked.threshold:
        raise Untrusted(_too_few(statement, signers, asked))
    return signers


def _expect_words(content: bytes, statement: Statement, origin: str) -> dict[str, bytes]:
    payload, signatures = parts(content, origin, STATEMENT_TYPE)
    if payload != statement.payload:
        raise Untrusted(
            f"Expected {origin} to say that release {statement.version} of {statement.model} is approved, whose "
            f"manifest has the SHA-256 {statement.manifest_sha256}. Received: other words. Do not use it."
        )
    if len(signatures) > MAX_SIGNATURES:
        raise Untrusted(
            f"Expected {origin} to have at most {MAX_SIGNATURES} signatures. Received: {len(signatures)}. Remove it, "
            f"and let approvers sign again."
        )
    return signatures


def _too_few(statement: Statement, signers: tuple[str, ...], asked: Approvers) -> str:
    known = ", ".join(name[:SHOWN] for name in sorted(asked.keys))
    received = f"{len(signers)} ({', '.join(name[:SHOWN] for name in signers)})" if signers else "none"
    name = f"{statement.model}@{statement.version}"
    return (
        f"Expected {name} to be signed by at least {asked.threshold} of its approvers ({known}). Received: {received}. "
        f"An approver signs with `slimline approve {name} --reason … --key FILE`, or, where it does not wait any more, "
        f"with `slimline sign {statement.version} --role approvers --key FILE`."
    )
