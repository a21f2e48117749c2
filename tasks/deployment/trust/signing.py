"""Signatures over a manifest or a statement: DSSE envelopes of version 1 with Ed25519.

The specification is that of https://github.com/secure-systems-lab/dsse.

The envelope carries the manifest, so one object is both what is said and who says it: there is no moment at which a
release exists without its signature. A signature is over ``PAE(payloadType, payload)``, so that signed bytes of another
kind can never pass for a manifest.

Stricter than the specification, so that no byte can be changed unseen: the envelope must be just as :func:`seal` writes
it, a signature counts only for the key that it names, and a wrong signature of a trusted key is refused even beside a
right one of another.
"""

import base64
import binascii
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ConfigDict, Field, ValidationError

from tasks.deployment.records import MAX_SIGNATURES
from tasks.deployment.stores.protocol import SMALL
from tasks.deployment.trust.keys import key_id
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ReleaseError, Untrusted
from tasks.files import to_json
from tasks.records import Record

Kind = Literal["application/vnd.slimline.manifest+json", "application/vnd.slimline.statement+json"]
PAYLOAD_TYPE: Kind = "application/vnd.slimline.manifest+json"
STATEMENT_TYPE: Kind = "application/vnd.slimline.statement+json"  # see statements.py
SHOWN = 16  # digits of a key's id in a message


class Signature(Record):
    """A signature: who signed, and the 64 bytes of Ed25519 as base64."""

    keyid: str
    sig: str


class Envelope(Record):
    """The envelope as it lies in the store; names and order are the specification's."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    payload: str
    payload_type: Annotated[Kind, Field(alias="payloadType")]
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class Opened:
    """A payload and the trusted keys that vouch for it; none where unsigned releases are taken."""

    payload: bytes
    signed_by: tuple[str, ...]


def pae(kind: str, payload: bytes) -> bytes:
    """Return what is signed: the specification's pre-authentication encoding.

    Args:
        kind: of the payload.
        payload: its bytes.
    """
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def seal(payload: bytes, keys: Sequence[Ed25519PrivateKey], kind: Kind = PAYLOAD_TYPE) -> bytes:
    """Return an envelope around ``payload``, signed with each key; without keys it is unsigned.

    Args:
        payload: what is signed.
        keys: private ones.
        kind: of the payload.

    Raises:
        ReleaseError: readers would not take it, since it has too many signatures or bytes.
    """
    return encode(_sign(Envelope(payload=_text(payload), payload_type=kind, signatures=()), *keys))


def countersign(content: bytes, key: Ed25519PrivateKey, without: Collection[str] = ()) -> bytes:
    """Return an envelope with one signature more; what is signed stays as it is.

    Args:
        content: of the envelope.
        key: the private one to sign with.
        without: ids of keys whose signatures go.

    Raises:
        ReleaseError: readers would not take it, since it has too many signatures or bytes.
    """
    envelope = Envelope.model_validate_json(content)
    left = tuple(signature for signature in envelope.signatures if signature.keyid not in without)
    return encode(_sign(envelope.model_copy(update={"signatures": left}), key))


def _sign(envelope: Envelope, *keys: Ed25519PrivateKey) -> Envelope:
    message = pae(envelope.payload_type, _bytes(envelope.payload))
    mine = {key_id(key.public_key()): _text(key.sign(message)) for key in keys}
    others = tuple(signature for signature in envelope.signatures if signature.keyid not in mine)
    signed = (*others, *(Signature(keyid=name, sig=sig) for name, sig in mine.items()))
    return envelope.model_copy(update={"signatures": signed})


def encode(envelope: Envelope) -> bytes:
    """Return an envelope as it is stored.

    Args:
        envelope: with its signatures.

    Raises:
        ReleaseError: readers would not take it, since it has too many signatures or bytes.
    """
    if (count := len(envelope.signatures)) > MAX_SIGNATURES:
        raise ReleaseError(
            f"Expected at most {MAX_SIGNATURES} signatures under a manifest, which is what readers take. "
            f"Received: {count}. Nothing was written. `slimline sign --replace` takes those of revoked keys away."
        )
    content = _written(envelope)
    if len(content) > SMALL:
        raise ReleaseError(
            f"Expected a manifest of at most {SMALL:,} bytes with its signatures, which is what readers take. "
            f"Received: {len(content):,}. Nothing was written."
        )
    return content


def unseal(content: bytes, trust: Trust, origin: str) -> Opened:
    """Return the payload of an envelope that somebody trusted has signed.

    Args:
        content: of the envelope.
        trust: whose signatures count.
        origin: what ``content`` is, for messages.

    Raises:
        Untrusted: it is no envelope, nobody trusted has signed it, or it was changed after it was signed.
    """
    payload, signatures = parts(content, origin)
    if (count := len(signatures)) > MAX_SIGNATURES:
        raise Untrusted(
            f"Expected {origin} to have at most {MAX_SIGNATURES} signatures. Received: {count}. "
            f"`slimline sign --replace` takes those of revoked keys away."
        )
    if trust.unsigned:
        return Opened(payload, ())
    signed_by = tuple(name for name in signatures if name in trust.active)
    for name in signed_by:
        if not is_right(trust.active[name], signatures[name], payload):
            raise Untrusted(
                f"Expected the signature of {name[:SHOWN]} on {origin} to fit. Received: one that does not. "
                f"It was changed after it was signed: do not use it."
            )
    if not signed_by:
        raise Untrusted(_nobody(origin, sorted(signatures), trust))
    return Opened(payload, signed_by)


def parts(content: bytes, origin: str, kind: Kind = PAYLOAD_TYPE) -> tuple[bytes, dict[str, bytes]]:
    """Return the payload of an envelope and the signatures by the ids of their keys, none of which is checked yet.

    Args:
        content: of the envelope.
        origin: what ``content`` is, for messages.
        kind: of the payload.

    Raises:
        Untrusted: it is no envelope as slimline writes it, or one of another kind.
    """
    what = "manifest" if kind == PAYLOAD_TYPE else "statement"
    try:
        envelope = Envelope.model_validate_json(content)
        payload = _bytes(envelope.payload)
        signatures = {signature.keyid: _bytes(signature.sig) for signature in envelope.signatures}
    except (ValidationError, binascii.Error) as error:
        raise Untrusted(f"Expected {origin} to be a signed {what}. Received: {error}. Do not use it.") from None
    if envelope.payload_type != kind:
        raise Untrusted(f"Expected {origin} to be a signed {what}. Received: {envelope.payload_type}. Do not use it.")
    if _written(envelope) != content or len(signatures) != len(envelope.signatures):
        raise Untrusted(
            f"Expected {origin} as slimline writes it. Received: other bytes. It was changed: do not use it."
        )
    return payload, signatures


def is_right(key: Ed25519PublicKey, signature: bytes, payload: bytes, kind: Kind = PAYLOAD_TYPE) -> bool:
    """Return whether a signature of a payload is this key's.

    Args:
        key: the public one.
        signature: its bytes.
        payload: what was signed.
        kind: of the payload.
    """
    try:
        key.verify(signature, pae(kind, payload))
    except InvalidSignature:
        return False
    return True


def _written(envelope: Envelope) -> bytes:
    return to_json(envelope.model_dump(mode="json", by_alias=True)).encode()


def _nobody(origin: str, signers: Sequence[str], trust: Trust) -> str:
    def names(keys: Sequence[str]) -> str:
        shown = [f"{key[:SHOWN]}{' (revoked)' if key in trust.revoked else ''}" for key in keys[:MAX_SIGNATURES]]
        return ", ".join([*shown, "…"] if len(keys) > MAX_SIGNATURES else shown)

    received = f"signatures of {names(signers)}" if signers else "no signature"
    if trust.revoked.intersection(signers):
        way_out = (
            "Whoever has the key can have written it. `slimline sign --replace` signs it anew in the project that "
            "released it, if the project's own records know it; see docs/explanation/releases.md, Changing keys."
        )
    else:
        way_out = (
            "If you know where it comes from, add the signer's public key to the trusted keys; `--allow-unsigned` "
            "takes it as it is."
        )
    return (
        f"Expected {origin} to be signed by a trusted key: {names(sorted(trust.active)) or 'none is known'}. "
        f"Received: {received}. {way_out}"
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    content = base64.b64decode(text, validate=True)
    if _text(content) != text:  # bits beyond the last byte
        raise binascii.Error("base64 with bits that mean nothing")
    return content
