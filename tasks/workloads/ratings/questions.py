"""Questions of a device about ratings: ids of items, and of the user."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.workloads.protocol import UnusableError

MAX_QUESTION = 1 << 20  # bytes


@dataclass(frozen=True)
class Question:
    """A question of a device: ids of items from old to new, and the id of the user, if it is known."""

    history: tuple[str, ...]
    user: str = ""


def question_of(text: str) -> Question:
    """Return a question of a person: ids with commas between them, or JSON: a list, or ``history`` and ``user``.

    Args:
        text: of the question.

    Raises:
        UnusableError: it is neither.
    """
    if not text.lstrip().startswith(("{", "[")):
        return Question(tuple(name.strip() for name in text.split(",") if name.strip()))
    try:
        found: Any = json.loads(text)
        found = {"history": found} if isinstance(found, list) else found
        history, user = found.get("history", []), found.get("user", "")
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"no JSON: {str(error)[:100] or 'nested too deep'}") from None
    plain = (str, int)
    if not isinstance(history, list) or any(type(each) not in plain for each in [*history, user]):
        raise UnusableError('expected {"history": [ids from old to new], "user": id}')
    return Question(tuple(map(str, history)), str(user))


def read_question(path: Path) -> str:
    """Return the text of a question that lies in a file.

    Args:
        path: of the file.

    Raises:
        UnusableError: it is too large.
        OSError: it cannot be read.
        UnicodeDecodeError: it is no UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(MAX_QUESTION + 1)
    if len(content) > MAX_QUESTION:
        raise UnusableError(f"more than {MAX_QUESTION:,} bytes")
    return content.decode()
