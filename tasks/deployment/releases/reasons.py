"""Reasons and names of those who give them: the same of a move of a channel and of a pin."""

from tasks.deployment.records import MAX_BY, MAX_REASON
from tasks.errors import ConfigError
from tasks.text import storable

ACTOR = "SLIMLINE_ACTOR"  # who is at work, where the account's name does not say it


def check_reason(text: str) -> str:
    """Return a reason as it is stored; bytes that are no UTF-8 become their escapes.

    Args:
        text: as it was given.

    Raises:
        ConfigError: there is none, or it is longer than readers take.
    """
    return _check("a reason", text, MAX_REASON)


def check_actor(text: str) -> str:
    """Return the name of who is at work as it is stored.

    Args:
        text: as it was given.

    Raises:
        ConfigError: there is none, or it is longer than readers take.
    """
    return _check(f"who wants it, as {ACTOR} or the account says,", text, MAX_BY)


def _check(what: str, text: str, most: int) -> str:
    stored = storable(text)
    if not 1 <= len(stored.strip()) <= len(stored) <= most:
        raise ConfigError(
            f"Expected {what} for the audit trail, of 1 to {most:,} characters. Received: {len(stored):,}, "
            f"{stored.strip()[:60]!r}."
        )
    return stored
