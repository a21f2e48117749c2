"""The items and users that are known, and what a device needs of them: their ids, in the order of their rows."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

FILE = "items.json.z"
FORMAT = 2
BEFORE = 1  # a format that is still read: lists of ids
MOST = 1 << 24  # ids
MAX_UNPACKED = 1 << 29  # bytes
FIRST, LAST = ord("]"), 0xD7FF  # of the characters that stand for runs; JSON leaves them as they are


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
        """Return the file of a release: JSON, compressed by zlib (RFC 1950).

        Ids that are as often there as others stand one behind the other, by the alphabet. So they are listed by the
        alphabet, and beside each stands in which of these runs it is, which takes half of the room.
        """
        content = {"format": FORMAT, "length": self.length, "items": _short(self.items), "users": _short(self.users)}
        sorted_ids = {**content, "items": _sorted(self.items), "users": _sorted(self.users)}
        return min((_packed(content), _packed(sorted_ids)), key=len)

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
            if not isinstance(found, dict) or found.get("format") not in (FORMAT, BEFORE):
                raise ValueError(f"the format {str(found)[:50]!r}, not {FORMAT}")
            items, users, length = _ids(_in_rows(found["items"])), _ids(_in_rows(found["users"])), found["length"]
        except (zlib.error, KeyError, TypeError, RecursionError) as error:
            raise ValueError(str(error) or "no ids") from None
        if not items or type(length) is not int or length < 1:
            raise ValueError("no items")
        return cls(items, users, length)


def _packed(content: Mapping[str, object]) -> bytes:
    return zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), 9)


def _order(name: str) -> tuple[int, str]:
    return len(name), name


def _sorted(names: Sequence[str]) -> object:
    """Return ids in their order, whole numbers as differences; and a character for the run of each, from the last run.

    Where there are too many runs, the ids are returned as :func:`_short` has them.
    """
    runs = list(accumulate((_order(one) > _order(other) for one, other in pairwise(names)), initial=0))
    if not names or runs[-1] > LAST - FIRST:
        return _short(names)
    both = sorted(zip(names, runs, strict=True), key=lambda pair: _order(pair[0]))
    ids = _short([name for name, _ in both])
    numbers = [one for one in ids if isinstance(one, int)]
    steps = [one - other for one, other in zip(numbers, [0, *numbers], strict=False)]
    return {
        "steps" if numbers else "ids": steps or ids,
        "runs": "".join(chr(FIRST + runs[-1] - run) for _, run in both),
    }


def _in_rows(found: object) -> object:
    """Return ids by their rows, of what :func:`_sorted` made."""
    if not isinstance(found, dict):
        return found
    runs = found["runs"]
    names = found["ids"] if "ids" in found else list(accumulate(found["steps"]))
    if not isinstance(names, list) or not isinstance(runs, str) or len(names) != len(runs):
        raise ValueError("other runs than ids")
    order = sorted(range(len(names)), key=lambda place: -ord(runs[place]))  # stable: within a run by the alphabet
    return [names[place] for place in order]


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
