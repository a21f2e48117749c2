"""``slimline keys``: the keys that releases are signed with, and those that are trusted."""

import sys
from pathlib import Path

from cyclopts import App

from flows.cli.options import Json
from flows.cli.trust_options import TrustedKeys, resolve_trust
from flows.terminal import print_json, tell

keys = App(name="keys", help="Make and show the keys that releases are signed with.")


@keys.command
def new(path: Path) -> None:
    """Make a key pair: the private key in PATH, mode 0600, the public one beside it.

    An existing file is never overwritten.

    Parameters
    ----------
    path
        Where the private key goes, such as keys/release.pem.
    """
    from tasks.deployment.trust.keys import key_id, new_key, public_path

    key = new_key(path)
    tell(f"private key {path}: keep it secret, sign with it by deployment.signing_key")
    tell(f"public key {public_path(path)}: give it to devices, trust it by deployment.trust.public_keys")
    tell(f"id {key_id(key.public_key())}")


@keys.command
def public(path: Path) -> None:
    """Print the public key of the private key in PATH.

    Parameters
    ----------
    path
        The private key.
    """
    from tasks.deployment.trust.keys import public_pem, read_private

    sys.stdout.write(public_pem(read_private(path).public_key()).decode())


@keys.command
def show(*, trusted_keys: TrustedKeys = (), json: Json = False) -> None:
    """Show the ids of the keys that are trusted here."""
    trust = resolve_trust(trusted_keys, allow_unsigned=False)
    rows = [{"id": name, "revoked": name in trust.revoked} for name in sorted(trust.revoked | set(trust.keys))]
    if json:
        print_json(rows)
    else:
        for row in rows:
            tell(f"{row['id']}  {'revoked' if row['revoked'] else 'trusted'}")
