import base64
import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.deployment.trust.keys import key_id
from tasks.deployment.trust.signing import PAYLOAD_TYPE, pae, seal, unseal
from tasks.deployment.trust.trusted import ANYBODY, Trust
from tasks.errors import Untrusted

PAYLOAD = b'{"what": "a manifest"}'
ALICE, BOB, EVE = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))


def trust(*keys: Ed25519PrivateKey, revoked: tuple[Ed25519PrivateKey, ...] = ()) -> Trust:
    public = [key.public_key() for key in keys]
    return Trust({key_id(key): key for key in public}, frozenset(key_id(key.public_key()) for key in revoked))


def test_what_is_signed_is_the_specifications_own_example() -> None:
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_signature_is_the_one_of_rfc_8032_over_what_is_signed() -> None:
    """The key of the RFC's TEST 2 gives the RFC's signature for its message: nothing is done to either."""
    key = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    expected = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert key.sign(b"\x72").hex() == expected
    (signature,) = json.loads(seal(PAYLOAD, [key]))["signatures"]
    assert base64.b64decode(signature["sig"]) == key.sign(pae(PAYLOAD_TYPE, PAYLOAD))


def test_an_envelope_has_the_specifications_fields_and_no_others() -> None:
    envelope = json.loads(seal(PAYLOAD, [ALICE]))
    assert base64.b64decode(envelope["payload"]) == PAYLOAD
    assert set(envelope) == {"payload", "payloadType", "signatures"}
    assert set(envelope["signatures"][0]) == {"keyid", "sig"}


def test_one_trusted_signature_among_others_is_enough() -> None:
    content = seal(PAYLOAD, [ALICE, BOB])
    assert unseal(content, trust(BOB), "it").payload == PAYLOAD
    assert unseal(content, trust(BOB), "it").signed_by == (key_id(BOB.public_key()),)
    assert len(unseal(content, trust(ALICE, BOB), "it").signed_by) == 2


@pytest.mark.parametrize(
    ("signers", "trusted", "words"),
    [
        ((), trust(ALICE), "no signature"),
        ((EVE,), trust(ALICE, BOB), "signatures of"),
        ((ALICE,), trust(), "none is known"),
        ((ALICE,), trust(ALICE, BOB, revoked=(ALICE,)), "revoked"),
    ],
)
def test_what_nobody_trusted_has_signed_is_refused(
    signers: tuple[Ed25519PrivateKey, ...], trusted: Trust, words: str
) -> None:
    content = seal(PAYLOAD, signers)
    with pytest.raises(Untrusted, match=words):
        unseal(content, trusted, "it")
    assert unseal(content, ANYBODY, "it").payload == PAYLOAD


def test_a_revoked_signature_does_not_spoil_a_trusted_one() -> None:
    content = seal(PAYLOAD, [ALICE, BOB])
    assert unseal(content, trust(ALICE, BOB, revoked=(ALICE,)), "it").signed_by == (key_id(BOB.public_key()),)


def test_a_signature_under_another_name_is_refused() -> None:
    content = seal(PAYLOAD, [EVE]).replace(key_id(EVE.public_key()).encode(), key_id(ALICE.public_key()).encode())
    with pytest.raises(Untrusted, match="to fit"):
        unseal(content, trust(ALICE), "it")


def test_a_wrong_signature_of_a_trusted_key_is_refused_beside_a_right_one() -> None:
    envelope = json.loads(seal(PAYLOAD, [ALICE, BOB]))
    envelope["signatures"][0]["sig"] = envelope["signatures"][1]["sig"]
    with pytest.raises(Untrusted, match="to fit"):
        unseal((json.dumps(envelope, indent=2) + "\n").encode(), trust(ALICE, BOB), "it")


def test_a_signature_over_another_payload_or_kind_is_refused() -> None:
    envelope = json.loads(seal(PAYLOAD, [ALICE]))
    other = json.loads(seal(PAYLOAD + b" ", [ALICE]))
    for changes in ({"payload": other["payload"]}, {"payloadType": "text/plain"}):
        with pytest.raises(Untrusted):
            unseal((json.dumps(envelope | changes, indent=2) + "\n").encode(), trust(ALICE), "it")


def bits(content: bytes) -> Iterator[bytes]:
    """``content`` with each bit flipped in turn."""
    for place in range(len(content)):
        for bit in range(8):
            yield content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


@pytest.mark.parametrize("payload", [b"", b"a", b"ab", b"abc", PAYLOAD])  # base64 with two, one and no spare bytes
def test_no_bit_of_an_envelope_can_be_flipped(payload: bytes) -> None:
    content, trusted = seal(payload, [ALICE]), trust(ALICE)
    for changed in bits(content):
        with pytest.raises(Untrusted):
            unseal(changed, trusted, "it")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", ""),
        lambda text: text + "\n",
        lambda text: text.replace('"payload"', '"payload": "", "payload"', 1),
        lambda text: text.replace("a", "\\u0061", 1),
    ],
)
def test_the_same_said_otherwise_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(Untrusted, match="as slimline writes it"):
        unseal(change(seal(PAYLOAD, [ALICE]).decode()).encode(), trust(ALICE), "it")
