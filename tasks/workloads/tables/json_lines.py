"""Rows of .jsonl files: a JSON object a line."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

from tasks.workloads.tables.columns import Choose, ColumnsError
from tasks.workloads.tables.pieces import Fault, Piece

MAX_LINE = 1 << 25  # bytes
KEY_SETS = 64  # of objects, whose columns are kept in mind


def read_json_lines(stream: IO[bytes], choose: Choose) -> Iterator[Piece | Fault]:
    """Yield the cells of some columns; one that is null is empty, and one that is no text is written as JSON.

    Args:
        stream: of the content.
        choose: the columns of an object among its keys.
    """
    number, known = 0, lru_cache(KEY_SETS)(choose)
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while len(rest := stream.readline(MAX_LINE)) == MAX_LINE and not rest.endswith(b"\n"):
                pass
            yield Fault(number, f"a line of more than {MAX_LINE:,} bytes")
            continue
        found = _cells(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, known)
        yield Fault(number, found) if isinstance(found, str) else Piece(number, [found])


def _cells(line: bytes, choose: Choose) -> list[str] | str:
    """Return the cells of a line, none of an empty one, or why it is no row."""
    if line.isspace():
        return []
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {str(error)[:200] or 'nested too deep'}"
    if not isinstance(found, dict):
        return f"a JSON {type(found).__name__}: an object is expected"
    try:
        names = choose(tuple(found))
    except ColumnsError as error:
        return f"no {' and no '.join(error.unfit)}; there are {', '.join(map(str, found))[:200]}"
    return ["" if name is None else cell_of(found[name]) for name in names]


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
