"""Rows of .csv and .tsv files: RFC 4180, and tab-separated values as IANA registers them, which know no quotes."""

import csv
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from tasks.errors import SourceError
from tasks.workloads.tables.settings import TableSettings
from tasks.workloads.tables.streams import as_text

MAX_CELL = 1 << 24  # characters; more is a quote that nobody closes
MAX_LINES = 10_000  # of one cell; likewise
DELIMITERS = {"csv": ",", "tsv": "\t"}


class Row(NamedTuple):
    """A row: its number in the file, from 1, and its cells; or why it is none."""

    number: int
    cells: Sequence[str]
    fault: str = ""


def read_delimited(stream: IO[bytes], path: str, kind: str, settings: TableSettings) -> Iterator[Row]:
    """Yield the rows of a .csv or .tsv file; empty ones are passed over.

    Args:
        stream: of the content.
        path: of the file, for messages.
        kind: ``csv`` or ``tsv``.
        settings: of tables.

    Raises:
        SourceError: a quote is never closed.
    """
    quotes = kind == "csv" if settings.quotes == "auto" else settings.quotes
    csv.field_size_limit(MAX_CELL)
    rows = csv.reader(
        as_text(stream, settings.encoding),
        delimiter=settings.delimiter or DELIMITERS[kind],
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        strict=True,
    )
    number = 0
    while True:
        line, number = rows.line_num + 1, number + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            lines = rows.line_num - line + 1
            if "field larger" in str(error) or "unexpected end" in str(error) or lines > MAX_LINES:
                raise _unclosed(path, line, str(error)) from None
            yield Row(number, (), f"{error} (line {rows.line_num})")
            continue
        if rows.line_num - line >= MAX_LINES:
            raise _unclosed(path, line, f"a row of {rows.line_num - line + 1:,} lines")
        if cells:
            yield Row(number, cells)


def _unclosed(path: str, line: int, what: str) -> SourceError:
    return SourceError(
        f"Expected {path} to close every quote. Received: {what}, in the row that begins in line {line:,}. "
        f"Mend it, or set quotes to false where quotes are plain characters."
    )
