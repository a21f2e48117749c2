"""Ed25519 keys as files: PKCS#8 and SubjectPublicKeyInfo in PEM, as OpenSSL reads and writes them.

::

    release.pem    the private key, mode 0600; whoever has it can release
    release.pub    the public key beside it; devices need nothing else

A key's id is the SHA-256 of its public key in DER, 64 hexadecimal digits.
"""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tasks.errors import ConfigError
from tasks.files import sync, write_bytes

ENVIRONMENT = "SLIMLINE_SIGNING_KEY"  # the private key itself, as PEM
LOCAL = "local"
LOCAL_KEY = Path(".slimline/keys/local.pem")
PUBLIC = ".pub"
OTHERS = 0o077  # permissions of group and others


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key in DER, as hexadecimal digits.

    Args:
        key: the public one.
    """
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as it lies in a file.

    Args:
        key: the public one.
    """
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_path(path: Path) -> Path:
    """Return where the public key of the private key ``path`` is.

    Args:
        path: of the private key.
    """
    return path.with_suffix(PUBLIC)


def new_key(path: Path) -> Ed25519PrivateKey:
    """Return a new private key, once it lies in ``path`` and the public one beside it.

    The private key is there whole or not at all, and an existing one is never overwritten.

    Args:
        path: of the private key.

    Raises:
        ConfigError: ``path`` or the public key's path exists, ``path`` has the suffix of public keys or cannot be
            written.
    """
    if path.suffix == PUBLIC:
        raise ConfigError(f"Expected a private key's name that does not end with {PUBLIC}. Received: {path}.")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path, pem)
        write_bytes(public_path(path), public_pem(key.public_key()))
    except FileExistsError:
        raise ConfigError(
            f"Expected a path for a new key. Received: {path}, where there is one, or its {public_path(path).name}. "
            f"A key is never overwritten: name another path."
        ) from None
    except OSError as error:
        raise ConfigError(f"Expected {path} to be a place for a new key. Received: {error}.") from None
    return key


def _create(path: Path, secret: bytes) -> None:
    """Write a file for its owner's eyes only, which is whole as soon as it has its name."""
    if public_path(path).exists():  # of a private key that lies elsewhere, and whose releases it verifies
        raise FileExistsError
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
        sync(temporary)
        os.link(temporary, path)  # refuses to replace what is there
        sync(path.parent)
    finally:
        temporary.unlink()


def signing_key(setting: str | None) -> Ed25519PrivateKey | None:
    """Return the key that releases are signed with: the environment's, else that of ``deployment.signing_key``.

    Args:
        setting: the private key's file; ``local`` for the project's own, made by the first use; None for no key.

    Raises:
        ConfigError: there is no such key, it is not one, or others may read its file.
    """
    if pem := os.environ.get(ENVIRONMENT):
        content = pem.replace("\\n", "\n").encode(errors="surrogateescape")
        return parse_private(content, f"the environment's {ENVIRONMENT}")
    if setting is None:
        return None
    if "-----BEGIN" in setting or "\n" in setting:
        raise ConfigError(
            f"Expected deployment.signing_key to be the path of a private key. Received: a key itself, which is "
            f"not repeated here. Remove it from params.yaml and its history, make a new one, and put that into a "
            f"file or into {ENVIRONMENT}."
        )
    path = LOCAL_KEY if setting == LOCAL else Path(setting).expanduser()
    if setting == LOCAL and not path.exists():
        try:
            return new_key(path)
        except ConfigError:
            if not path.exists():  # else another process was first
                raise
    key = read_private(path)
    if setting == LOCAL and not public_path(path).exists():  # killed between the two
        write_bytes(public_path(path), public_pem(key.public_key()))
    return key


def read_private(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file.

    Args:
        path: of the file.

    Raises:
        ConfigError: it is missing, not one, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        if mode & OTHERS:
            raise ConfigError(
                f"Expected the private key {path} to be its owner's only, mode 0600. "
                f"Received: {mode & 0o777:04o}. Run `chmod 600 {path}`; make a new one if others may have read it."
            )
        return parse_private(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(
            f"Expected the private key {path}. Received: {error.strerror}. Make one with `slimline keys new {path}`, "
            f"or set deployment.signing_key or {ENVIRONMENT}."
        ) from None


def parse_private(pem: bytes, origin: str) -> Ed25519PrivateKey:
    """Return a private key from its PEM, which no message ever repeats.

    Args:
        pem: its text.
        origin: of the text, for messages.

    Raises:
        ConfigError: it is not an Ed25519 key without a passphrase.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(
            f"Expected {origin} to be an Ed25519 private key in PEM, without a passphrase. Received: something else. "
            f"Make one with `slimline keys new`."
        ) from None
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """Return the public key in a file.

    Args:
        path: of the file.

    Raises:
        ConfigError: it is missing or not one.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"Expected the public key {path}. Received: {error.strerror}. Give the file that `slimline keys new` "
            f"made beside the private key."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(
            f"Expected {path} to be an Ed25519 public key in PEM. Received: something else. Give the file that "
            f"`slimline keys new` made beside the private key, never the private key itself."
        ) from None
    return key
