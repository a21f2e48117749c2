"""The releases of this project itself, noted where no thief of a key and of the store can write.

::

    .slimline/releases/<SHA-256 of the manifest>.json    its model and version

The note is written before the manifest, so there is none missing whoever is killed when. It vouches for a manifest when
the key that signed it was lost: see :mod:`tasks.deployment.releases.countersigning`.
"""

import contextlib
from pathlib import Path

from tasks.deployment.records import Manifest, Number
from tasks.deployment.registry import digest_of
from tasks.errors import DataError
from tasks.records import Record, read_record, write_record

FOLDER = Path(".slimline/releases")


class Made(Record):
    """A release of this project."""

    model: str
    version: Number
    created: str  # UTC, ISO 8601


def remember(manifest: Manifest, folder: Path = FOLDER) -> None:
    """Note a manifest that is about to be released.

    Args:
        manifest: not yet in the store.
        folder: of the notes.
    """
    made = Made(model=manifest.model, version=manifest.version, created=manifest.created)
    write_record(folder / f"{digest_of(manifest)}.json", made)


def released_here(model: str, version: int, folder: Path = FOLDER) -> frozenset[str]:
    """Return the SHA-256 of manifests that this project has released under a number: several stores may have one each.

    Args:
        model: the model's name.
        version: of the release.
        folder: of the notes.
    """
    found = set()
    for path in folder.glob("*.json"):
        with contextlib.suppress(DataError):  # it is about nothing
            made = read_record(path, Made)
            if (made.model, made.version) == (model, version):
                found.add(path.stem)
    return frozenset(found)
