"""The items and users that are known, and what a device needs of them: their ids, in the order of their rows."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

FILE = "items.json.z"
FORMAT = 1
MOST = 1 << 24  # ids
MAX_UNPACKED = 1 << 29  # bytes


@dataclass(frozen=True)
class Known:
    """Ids by their rows, the most frequent first, from row 1 on; row 0 stands for nobody and nothing.

    ``users`` is empty where networks do not know users by numbers. ``length``: items of a history that networks see.
    """

    items: tuple[str, ...]
    users: tuple[str, ...]
    length: int

    @cached_property
    def item_rows(self) -> Mapping[str, int]:
        """Return the rows of items, by their ids."""
        return {name: row for row, name in enumerate(self.items, start=1)}

    @cached_property
    def user_rows(self) -> Mapping[str, int]:
        """Return the rows of users, by their ids."""
        return {name: row for row, name in enumerate(self.users, start=1)}

    def to_bytes(self) -> bytes:
        """Return the file of a release: JSON, compressed by zlib (RFC 1950)."""
        content = {"format": FORMAT, "length": self.length, "items": _short(self.items), "users": _short(self.users)}
        return zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), 9)

    @classmethod
    def of_bytes(cls, content: bytes) -> "Known":
        """Return what :meth:`to_bytes` wrote.

        Args:
            content: of the file.

        Raises:
            ValueError: it is no such file.
        """
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(content, MAX_UNPACKED)
            if unpacker.unconsumed_tail or not unpacker.eof:
                raise ValueError("a file that is cut short or too large")
            found = json.loads(text)
            if not isinstance(found, dict) or found.get("format") != FORMAT:
                raise ValueError(f"the format {str(found)[:50]!r}, not {FORMAT}")
            items, users, length = _ids(found["items"]), _ids(found["users"]), found["length"]
        except (zlib.error, KeyError, TypeError, RecursionError) as error:
            raise ValueError(str(error) or "no ids") from None
        if not items or type(length) is not int or length < 1:
            raise ValueError("no items")
        return cls(items, users, length)


def _short(names: Sequence[str]) -> Sequence[str | int]:
    """Return ids that are whole numbers as such; they take less room."""
    return [int(name) for name in names] if all(map(_is_number, names)) else list(names)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 16 and (name == "0" or name[0] != "0")


def _ids(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or len(names) > MOST or any(type(name) not in (int, str) for name in names):
        raise ValueError("no list of ids")
    found = tuple(map(str, names))
    if len(set(found)) < len(found):
        raise ValueError("an id that is there twice")
    return found
