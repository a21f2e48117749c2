"""Rows of .jsonl files: a JSON object a line."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import IO, Any

from tasks.workloads.tables.pieces import Fault, Piece

MAX_LINE = 1 << 25  # bytes


def read_json_lines(
    stream: IO[bytes], columns: Sequence[str], optional: Collection[str] = ()
) -> Iterator[Piece | Fault]:
    """Yield the cells of some columns; one that is null is empty, and one that is no text is written as JSON.

    Args:
        stream: of the content.
        columns: that are wanted.
        optional: of these, those that need not be there.
    """
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while len(rest := stream.readline(MAX_LINE)) == MAX_LINE and not rest.endswith(b"\n"):
                pass
            yield Fault(number, f"a line of more than {MAX_LINE:,} bytes")
            continue
        found = _cells(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, columns, optional)
        yield Fault(number, found) if isinstance(found, str) else Piece(number, [found])


def _cells(line: bytes, columns: Sequence[str], optional: Collection[str]) -> list[str] | str:
    """Return the cells of a line, none of an empty one, or why it is no row."""
    if line.isspace():
        return []
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {str(error)[:200] or 'nested too deep'}"
    if not isinstance(found, dict):
        return f"a JSON {type(found).__name__}: an object is expected"
    if missing := [name for name in columns if name not in found and name not in optional]:
        return f"no {' and no '.join(missing)}; there are {', '.join(map(str, found))[:200]}"
    return [cell_of(found.get(name)) for name in columns]


def cell_of(value: Any) -> str:
    """Return a value as the text of a cell; nothing is an empty one.

    Args:
        value: of JSON, or of a Parquet column.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return json.dumps(value, ensure_ascii=False, default=str)
