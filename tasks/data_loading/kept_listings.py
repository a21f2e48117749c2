"""Listings that are kept for a while, so that a later one can say what was added, removed and changed since.

::

    .slimline/listings/<digest>.gz      the lines of which the digest of a listing is made

A kept listing is whole or of no use: its digest is that of its content.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from tasks.files import write_bytes

FOLDER = Path(".slimline/listings")
KEPT = 8  # of which one is what was trained on last, and one is there now
LINE = re.compile(rb"([^\0]*)\0(-?[0-9]+\0[^\0\n]*)\n")  # a path may hold the end of a line
ONE = re.compile(rb"(-?[0-9]+\0[^\0\n]*)\n")  # of a source that is one file


def keep(digest: str, lines: Sequence[bytes], folder: Path = FOLDER) -> None:
    """Keep a listing beside the last ones.

    Args:
        digest: of the listing.
        lines: of its entries; where there are none, there is nothing to be compared.
        folder: of kept listings.
    """
    path = folder / f"{digest}.gz"
    if path.exists():
        path.touch()
    elif lines:
        write_bytes(path, gzip.compress(b"".join(lines), compresslevel=1, mtime=0))
        old = sorted(folder.glob("*.gz"), key=lambda each: each.stat().st_mtime_ns)[:-KEPT]
        for each in old:
            each.unlink(missing_ok=True)


def read_kept(digest: str, folder: Path = FOLDER) -> dict[str, str] | None:
    """Return what is known of each file of a listing: by its path, size and version in one text.

    Args:
        digest: of the listing.
        folder: of kept listings.

    Returns:
        None where the listing is not kept any more, or is damaged. A source that is one file has the path ``""``.
    """
    try:
        content = gzip.decompress((folder / f"{digest}.gz").read_bytes())
    except (OSError, EOFError, zlib.error):
        return None
    if hashlib.sha256(content).hexdigest() != digest:
        return None
    if one := ONE.fullmatch(content):
        return {"": one[1].decode()}
    return {path.decode(): known.decode() for path, known in LINE.findall(content)}


def size_in(known: str) -> int:
    """Return the bytes of a file out of what is known of it; less than none where a web server did not say.

    Args:
        known: an entry of a kept listing.
    """
    return int(known.partition("\0")[0])
