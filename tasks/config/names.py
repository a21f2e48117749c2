"""The forms of names, versions and digests, and the sentence where one does not fit."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field, ValidationError

from tasks.errors import ConfigError
from tasks.settings import FORMS, form

KEY_ID = form(r"^[0-9a-f]{64}$", "64 digits and small letters from a to f")
NAME = form(
    r"^[a-z0-9][a-z0-9_.-]{0,62}$", "up to 63 small letters, digits, '_', '.' and '-', a letter or a digit first"
)
HIDDEN = "a value that is not shown, as it may be a secret"
MAX_VERSION = 10**15 - 1  # the number of a release

Name = Annotated[str, Field(pattern=NAME)]


def check_name(what: str, text: str) -> str:
    """Return a name that params.yaml would take, wherever it comes from.

    Args:
        what: has the name, with an article.
        text: the name.

    Raises:
        ConfigError: it is none.
    """
    if re.fullmatch(NAME, text):
        return text
    raise ConfigError(f"Expected the name of {what}: {FORMS[NAME]}. Received: {text[:100]!r}.")


def check_version(number: int) -> int:
    """Return the number of a release, wherever it comes from.

    Args:
        number: any.

    Raises:
        ConfigError: it is none.
    """
    if 1 <= number <= MAX_VERSION:
        return number
    raise ConfigError(
        f"Expected the number of a release, 1 or more. Received: "
        f"{number if abs(number) <= MAX_VERSION else 'a number of more than 15 digits'}. `slimline releases` lists all."
    )


def check_digest(text: str) -> str:
    """Return a SHA-256, wherever it comes from.

    Args:
        text: any.

    Raises:
        ConfigError: it is none.
    """
    if re.fullmatch(KEY_ID, text):
        return text
    raise ConfigError(f"Expected a SHA-256, {FORMS[KEY_ID]}. Received: {text[:100]!r}.")


def explain(error: ValidationError, prefix: Sequence[str | int] = ()) -> str:
    """Return each problem of a pydantic error on a line: the key's path, what was expected, what was received.

    Args:
        error: of settings.
        prefix: the path of the part that was checked.
    """
    lines = []
    for problem in error.errors(include_url=False):
        # after a place in a list pydantic puts the kind of rule it tried, which is no key of the file
        loc = [part for before, part in pairwise((None, *problem["loc"])) if not isinstance(before, int)]
        path = [str(part) for part in (*prefix, *loc)]
        received = repr(problem["input"])
        if path[:1] == ["notify"] and path[1:2] in ([], ["targets"]):
            del path[3:4]  # the kind of target
            received = HIDDEN
        elif problem["type"] == "extra_forbidden" and isinstance(problem["input"], Mapping):
            received = HIDDEN  # it may be that part under a wrong name
        key = ".".join(path) or "the file"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: expected no such key. Received: {received}. Remove it or mend its name.")
        elif problem["type"] == "string_pattern_mismatch":
            words = FORMS.get(problem["ctx"]["pattern"], "another form")
            lines.append(f"{key}: expected {words}. Received: {received}.")
        elif problem["type"] == "missing":
            lines.append(f"{key}: expected a value. Received: nothing. Add the key.")
        else:
            lines.append(f"{key}: {message[0].lower()}{message[1:]}. Received: {received}.")
    return "\n".join(lines)
