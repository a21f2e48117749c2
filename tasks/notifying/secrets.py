"""Secrets of targets: they come from the environment, and nothing that is said holds them."""

import base64
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit

from tasks.config import is_loopback
from tasks.errors import NotTaken, TakenLater
from tasks.notifying.events import cut

SAID = 300  # characters of what a receiver says that are shown
LEAST = 6  # characters of a part of an address that may be a secret


def secret(variable: str, environment: Mapping[str, str]) -> str:
    """Return what a variable holds, without spaces around it.

    Args:
        variable: its name.
        environment: in which it is looked for.

    Raises:
        TakenLater: it is not set here; another process of the project may have it.
        NotTaken: it holds what cannot be a secret of one line.
    """
    value = environment.get(variable, "").strip()
    if not value:
        raise TakenLater(
            f"Expected the variable {variable} in the environment. Received: none. Set it where `slimline up` and "
            f"`slimline run` are started."
        )
    if not value.isprintable() or not value.isascii():
        raise NotTaken(f"Expected one line of ASCII in the variable {variable}. Received: something else.")
    return value


def address(variable: str, environment: Mapping[str, str], in_the_clear: bool) -> str:
    """Return the address of the web that a variable holds.

    Args:
        variable: its name.
        environment: in which it is looked for.
        in_the_clear: whether it may be an ``http://`` address of another machine.

    Raises:
        TakenLater: the variable is not set.
        NotTaken: it holds no such address.
    """
    value = secret(variable, environment)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in {"http", "https"} or " " in value:
        raise NotTaken(f"Expected an address https://… in the variable {variable}. Received: something else.")
    if parts.scheme == "http" and not in_the_clear and not is_loopback(host):
        raise NotTaken(
            f"Expected an https:// address in the variable {variable}, since it is a secret. Received: http://."
        )
    return value


def without(text: str, secrets: Iterable[str]) -> str:
    """Return what a receiver said, on one line and short, without secrets in any form that it may send back.

    Args:
        text: of a receiver.
        secrets: that may be in it.
    """
    for value in secrets:
        for form in sorted(_forms(value), key=len, reverse=True):
            text = text.replace(form, "…")
    return cut(" ".join(text.split()), SAID)


def _forms(value: str) -> set[str]:
    """Return a secret as it may come back: as it is, as part of an address, in base 64."""
    parts = {value}
    if "://" in value:
        found = urlsplit(value)
        parts |= {
            found.path,
            f"{found.path}?{found.query}",
            found.query,
            *found.path.split("/"),
            *found.query.split("&"),
        }
        parts |= {found.username or "", found.password or ""}
    forms = {part for part in parts if len(part) >= LEAST} | {value}
    for part in tuple(forms):
        encoded = base64.b64encode(part.encode()).decode()
        forms |= {quote(part), quote(part, safe=""), encoded, encoded.rstrip("=")}
    return forms
