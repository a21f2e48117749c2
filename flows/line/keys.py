"""Keys of artifacts, made of names that may hold more than a key takes: small letters, digits and dashes."""

import hashlib
import re

FORM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST = 80  # characters that are told


def artifact_key(name: str) -> str:
    """Return the key for a name; two names never share one.

    Args:
        name: any text.
    """
    if len(name) <= MOST and FORM.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:6]
    return f"{alike(name)}-{digest}"


def alike(name: str) -> str:
    """Return the words of a name as a key takes them; names that differ in other signs alone become the same.

    Args:
        name: any text.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MOST]
