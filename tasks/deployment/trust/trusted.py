"""Trusted keys: several at a time, so that keys can be changed, and some that no longer count.

A folder of keys, as a device has it::

    keys/*.pub                  public keys that are trusted
    keys/revoked                ids of keys that are not, one a line, whatever else is there; '#' begins a comment
    keys/approvers/*.pub        public keys of people who must have approved a release, where there is such a folder
    keys/approvers/threshold    how many of them must; 1 without such a file
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tasks.config import Trusted
from tasks.deployment.trust.keys import LOCAL, LOCAL_KEY, PUBLIC, key_id, public_path, read_public
from tasks.errors import ConfigError

ENVIRONMENT = "SLIMLINE_TRUSTED_KEYS"  # files and folders, joined as in PATH
REVOKED = "revoked"
APPROVERS, THRESHOLD = "approvers", "threshold"
KEY_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Approvers:
    """The public keys of people who approve releases, by their id, and how many of them must have signed."""

    keys: Mapping[str, Ed25519PublicKey]
    threshold: int


@dataclass(frozen=True)
class Trust:
    """Public keys by their id; ``unsigned`` takes releases that nobody trusted has signed as well.

    ``approvers`` must have signed what a channel beside staging, or a device, takes; None: nobody has to.
    """

    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    unsigned: bool = False
    approvers: Approvers | None = None

    @property
    def active(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys that count."""
        return {name: key for name, key in self.keys.items() if name not in self.revoked}

    def expect_not_revoked(self, key: Ed25519PrivateKey) -> None:
        """Refuse to sign with a key that is revoked: nobody would take what it signs.

        Args:
            key: to sign with.

        Raises:
            ConfigError: it is.
        """
        if (name := key_id(key.public_key())) in self.revoked:
            raise ConfigError(
                f"Expected a key to sign with that is not revoked. Received: {name[:16]}, which is. Make a new one "
                f"with `slimline keys new`, name it in deployment.signing_key, and its public key in "
                f"deployment.trust.public_keys."
            )


ANYBODY = Trust(unsigned=True)


def load_trust(
    places: str | Path | Sequence[str | Path], revoked: Collection[str] = (), unsigned: bool = False
) -> Trust:
    """Read the keys whose signatures count.

    Args:
        places: public keys, and folders of them; one or several.
        revoked: ids of keys that do not count.
        unsigned: take releases that nobody trusted has signed as well.

    Returns:
        what the other functions take as ``trust``.

    Raises:
        ConfigError: a file is missing or no public key, or a line of ``revoked`` no id.
    """
    keys, all_revoked, approvers = dict[str, Ed25519PublicKey](), set(revoked), None
    for path in map(Path, [places] if isinstance(places, str | Path) else places):
        keys |= _read_keys(path)
        if path.is_dir():
            all_revoked |= _read_revoked(path / REVOKED)
            approvers = _both(approvers, _read_approvers(path / APPROVERS))
    return Trust(keys, frozenset(all_revoked), unsigned, approvers)


def project_trust(config: Trusted) -> Trust:
    """Return whom the project trusts; its local key counts from the moment it is made.

    Args:
        config: ``deployment.trust`` of params.yaml.

    Raises:
        ConfigError: see :func:`load_trust`.
    """
    local = public_path(LOCAL_KEY)
    paths = [local if name == LOCAL else Path(name).expanduser() for name in config.public_keys]
    trust = load_trust(
        [path for path in paths if path != local or local.exists()], config.revoked, config.allow_unsigned
    )
    return with_required(trust, config)


def with_required(trust: Trust, config: Trusted) -> Trust:
    """Return a trust that asks for what the project requires, wherever its keys come from.

    Args:
        trust: of a command.
        config: ``deployment.trust`` of params.yaml.

    Raises:
        ConfigError: a file is missing or no public key, or there are fewer approvers than must sign.
    """
    asked = config.require.approvers
    if asked is None:
        return trust
    keys = dict[str, Ed25519PublicKey]()
    for place in asked.keys:
        keys |= _read_keys(Path(place).expanduser())
    return replace(trust, approvers=_approvers(keys, asked.threshold, "deployment.trust.require.approvers"))


def environment_trust(revoked: Collection[str] = ()) -> Trust | None:
    """Return whom the environment says to trust; None where it says nothing.

    Args:
        revoked: ids of keys that do not count, whatever the environment says.

    Raises:
        ConfigError: see :func:`load_trust`.
    """
    paths = os.environ.get(ENVIRONMENT)
    return load_trust([Path(path) for path in paths.split(os.pathsep) if path], revoked) if paths else None


def _read_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """Read a public key, or those of a folder, by their ids."""
    files = sorted(path.glob(f"*{PUBLIC}")) if path.is_dir() else [path]
    return {key_id(key): key for key in map(read_public, files)}


def _read_approvers(folder: Path) -> Approvers | None:
    if not folder.exists():
        return None
    try:
        text = (folder / THRESHOLD).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        text = "1"
    if not re.fullmatch("[1-9][0-9]?", text):
        raise ConfigError(f"Expected {folder / THRESHOLD} to be a number from 1 to 99. Received: {text[:60]!r}.")
    return _approvers(_read_keys(folder), int(text), str(folder))


def _approvers(keys: Mapping[str, Ed25519PublicKey], threshold: int, where: str) -> Approvers:
    if len(keys) < threshold:
        raise ConfigError(
            f"Expected {where} to name at least {threshold} public keys, since so many must sign. Received: "
            f"{len(keys)}. Add keys, or lower the threshold."
        )
    return Approvers(keys, threshold)


def _both(one: Approvers | None, other: Approvers | None) -> Approvers | None:
    """Return the approvers of two folders together; as many must sign as either of them says."""
    if one is None or other is None:
        return one or other
    return Approvers({**one.keys, **other.keys}, max(one.threshold, other.threshold))


def _read_revoked(path: Path) -> set[str]:
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8", errors="replace")  # of a comment in another encoding
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    found = {line for line in lines if line}
    if wrong := sorted(line for line in found if not KEY_ID.fullmatch(line)):
        raise ConfigError(
            f"Expected {path} to have the id of a key, 64 hexadecimal digits, on each line. Received: {wrong[0]!r}. "
            f"`slimline keys show` tells the id of a key."
        )
    return found
