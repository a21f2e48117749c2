"""The base of all that a person may turn in params.yaml, and the keys that settings had before."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
FORMS: dict[str, str] = {}  # by the pattern of a text the words for it, see form


def form(pattern: str, words: str) -> str:
    """Return the pattern of a setting's text, and keep the words by which people are told of it.

    Args:
        pattern: a regular expression.
        words: that end a sentence which begins with "expected".
    """
    FORMS[pattern] = words
    return pattern


@dataclass(frozen=True)
class Renamed:
    """The key that a setting has now, and its values where these are called otherwise too."""

    key: str
    values: Mapping[str | bool | int, str] = field(default_factory=dict)

    def value(self, old: Any) -> Any:
        """Return the value as it is called now; one that never was any stays, to be refused by its new key.

        Args:
            old: by the old key.
        """
        return next((new for known, new in self.values.items() if type(old) is type(known) and old == known), old)


class Settings(BaseModel):
    """Base of all parts of params.yaml: frozen, strict about types, closed against unknown keys.

    ``renamed``: keys that settings had in the version before. They are still read, and told of, see
    :func:`telling_renames`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    renamed: ClassVar[Mapping[str, Renamed]] = {}

    @model_validator(mode="before")
    @classmethod
    def _read_old_keys(cls, values: Any) -> Any:
        return cls.with_new_keys(values) if isinstance(values, Mapping) else values

    @classmethod
    def with_new_keys(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the settings by the keys that they have now.

        Args:
            values: as params.yaml has them.

        Raises:
            ValueError: one is given by its old key and by its new one.
        """
        old = [key for key in values if key in cls.renamed]
        if not old:
            return values
        found = {key: value for key, value in values.items() if key not in cls.renamed}
        for key in old:
            now, value = cls.renamed[key], cls.renamed[key].value(values[key])
            if now.key in found:
                raise ValueError(f"expected {now.key} alone: {key} is the name that it had before")
            found[now.key] = value
            written = value if isinstance(value, str) else json.dumps(value, default=str)
            _tell(
                f"{key} is called {now.key} now. Write {now.key}: {written}; "
                f"the old name is read in this version for the last time."
            )
        return found


_RENAMES: ContextVar[list[str] | None] = ContextVar("renames", default=None)


@contextmanager
def telling_renames(say: Callable[[str], None] | None, where: str = "") -> Iterator[None]:
    """Yield, and say at the end of the block which settings were read by old keys.

    Args:
        say: gets a sentence for each; None: nobody does.
        where: path of what is read within the block, with a dot at its end.
    """
    found: list[str] = []
    token = _RENAMES.set(found)
    try:
        yield
    finally:
        _RENAMES.reset(token)
    if say is not None:
        for sentence in found:
            say(f"{where}{sentence}")


def _tell(sentence: str) -> None:
    found = _RENAMES.get()
    if found is not None and sentence not in found:
        found.append(sentence)
