"""Rows of .csv and .tsv files: RFC 4180, and tab-separated values as IANA registers them, which know no quotes."""

import csv
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

from tasks.errors import SourceError
from tasks.workloads.tables.pieces import PIECE_CHARACTERS, PIECE_ROWS, Fault, Piece
from tasks.workloads.tables.settings import TableSettings
from tasks.workloads.tables.streams import as_text

if TYPE_CHECKING:
    from _csv import Reader

MAX_CELL = 1 << 24  # characters; more is a quote that nobody closes
MAX_LINES = 10_000  # of one row; likewise
DELIMITERS = {"csv": ",", "tsv": "\t", "inter": "\t", "data": "\t", "dat": "::"}  # the last three are of ratings
QUOTING = frozenset({"csv"})  # kinds that know quotes


def read_delimited(stream: IO[bytes], path: str, kind: str, settings: TableSettings) -> Iterator[Piece | Fault]:
    """Yield the rows of a .csv or .tsv file; an empty line is a row without cells.

    Args:
        stream: of the content.
        path: of the file, for messages.
        kind: of the file, one of :data:`DELIMITERS`.
        settings: of tables.

    Raises:
        SourceError: a quote is never closed.
    """
    quotes = kind in QUOTING if settings.quotes == "auto" else settings.quotes
    delimiter = settings.delimiter or DELIMITERS[kind]
    csv.field_size_limit(MAX_CELL)
    with as_text(stream, settings.encoding) as text:
        if len(delimiter) > 1:
            yield from _cut(text, delimiter)
            return
        reader = csv.reader(
            text,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
            strict=True,
        )
        yield from _read(reader, path)


def _cut(text: IO[str], delimiter: str) -> Iterator[Piece | Fault]:
    """Yield the rows of lines whose cells have several characters between them."""
    first, number, rows = 1, 0, list[Sequence[str]]()
    while line := text.readline(MAX_CELL):
        number += 1
        if len(line) == MAX_CELL:
            while len(line) == MAX_CELL and not line.endswith("\n"):
                line = text.readline(MAX_CELL)
            yield Piece(first, rows)
            yield Fault(number, f"a line of more than {MAX_CELL:,} characters")
            first, rows = number + 1, []
            continue
        plain = line.rstrip("\r\n")
        rows.append(plain.split(delimiter) if plain else ())
        if len(rows) == PIECE_ROWS:
            yield Piece(first, rows)
            first, rows = number + 1, []
    yield Piece(first, rows)


def _read(reader: "Reader", path: str) -> Iterator[Piece | Fault]:
    number, line, ended = 0, 1, False  # rows so far, and the line in which the next one begins
    while not ended:
        rows, size, fault = list[Sequence[str]](), 0, ""
        try:
            for row in reader:
                if reader.line_num - line >= MAX_LINES:
                    raise _unclosed(path, line, f"a row of {reader.line_num - line + 1:,} lines")
                line = reader.line_num + 1
                rows.append(row)
                size += sum(map(len, row))
                if len(rows) == PIECE_ROWS or size > PIECE_CHARACTERS:
                    break
            else:
                ended = True
        except csv.Error as error:
            fault = str(error)
            if "field larger" in fault or "unexpected end" in fault:
                raise _unclosed(path, line, fault) from None
        yield Piece(number + 1, rows)
        number += len(rows)
        if fault:
            number, line = number + 1, reader.line_num + 1
            yield Fault(number, f"{fault} (line {reader.line_num:,})")


def _unclosed(path: str, line: int, what: str) -> SourceError:
    return SourceError(
        f"Expected {path} to close every quote. Received: {what}, in the row that begins in line {line:,}. "
        f"Mend it, or set quotes to false where quotes are plain characters."
    )
