"""Questions of a device about ratings: items with how they were rated, and the user."""

import json
import math
from typing import Any, NamedTuple

from tasks.workloads.protocol import UnusableError


class Rated(NamedTuple):
    """A question: the id of the user, if it is known, items from old to new and their ratings."""

    user: str
    history: tuple[str, ...]
    ratings: tuple[float, ...]


def question_of(text: str) -> Rated:
    """Return a question of a person: ``31:4.5,1029:3``, or JSON: pairs, or ``history`` and ``user``.

    Args:
        text: of the question.

    Raises:
        UnusableError: it is neither.
    """
    if not text.lstrip().startswith(("{", "[")):
        parts = [part.rpartition(":") for part in text.split(",") if part.strip()]
        return _of_pairs("", [(name.strip(), rating.strip()) for name, _, rating in parts])
    try:
        found: Any = json.loads(text)
        found = {"history": found} if isinstance(found, list) else found
        history, user = found.get("history", []), found.get("user", "")
        if found.get("ratings") is not None:  # as a draft has it
            history = list(zip(history, found["ratings"], strict=True))
        pairs = [(item, rating) for item, rating in (history.items() if isinstance(history, dict) else history)]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnusableError(f"no rated items in JSON: {str(error)[:100] or 'nested too deep'}") from None
    if type(user) not in (str, int) or any(type(item) not in (str, int) for item, _ in pairs):
        raise UnusableError('expected {"history": [[item, rating], …], "user": id}')
    return _of_pairs(str(user), [(str(item), rating) for item, rating in pairs])


def _of_pairs(user: str, pairs: list[tuple[str, Any]]) -> Rated:
    ratings = []
    for item, rating in pairs:
        try:
            value = math.nan if isinstance(rating, bool) else float(rating)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not item or not math.isfinite(value):
            raise UnusableError(f"the item {item[:40]!r} with the rating {str(rating)[:40]!r}: a number is expected")
        ratings.append(value)
    return Rated(user, tuple(item for item, _ in pairs), tuple(ratings))
