"""Tables as files of a source: which ones they are, and their rows in pieces for the processes that read samples."""

import re
from collections.abc import Iterator, Sequence
from typing import IO

from tasks.paths import clean, is_litter
from tasks.samples import SplitName
from tasks.workloads.class_folders import SPLIT_FOLDERS
from tasks.workloads.items import Item, RefusedSample, Rows, SourceFile
from tasks.workloads.tables.columns import places_of
from tasks.workloads.tables.delimited import DELIMITERS, Row, read_delimited
from tasks.workloads.tables.json_lines import read_json_lines
from tasks.workloads.tables.settings import TableSettings
from tasks.workloads.tables.streams import damage_of, kind_of, undecodable, unpacked

KINDS = frozenset({*DELIMITERS, "jsonl", "ndjson", "parquet"})
PIECE_ROWS, PIECE_CHARACTERS = 512, 1 << 20
# train.csv, test-00000-of-00003.parquet
SPLIT_FILE = re.compile(rf"({'|'.join(SPLIT_FOLDERS)})([-_.]\d.*)?", re.IGNORECASE)


def is_table(path: str) -> bool:
    """Return whether a file is a table, as far as its name tells.

    Args:
        path: of the file.
    """
    return kind_of(path)[0] in KINDS


def take_table(file: SourceFile, columns: Sequence[str], settings: TableSettings) -> Iterator[Item]:
    """Yield the rows of a table in pieces, with the cells of the columns that are wanted, in their order.

    A row that has not as many cells as there are columns is refused, by its number.

    Args:
        file: of a source.
        columns: that are wanted; that of the split comes behind them where the settings name one.
        settings: of tables.

    Raises:
        SourceError: the file is damaged, or has not these columns.
    """
    name = clean(file.path)
    if is_litter(name):
        return
    wanted = [*columns, *([settings.split] if settings.split else [])]
    split, rows, size = declared_split(name), list[Row](), 0
    kind, compression = kind_of(name)
    with damage_of(name), file.open() as stream, unpacked(stream, compression) as content:
        for row in _rows(content, name, kind, wanted, settings):
            fault = row.fault or ("bytes that are not in the encoding" if any(map(undecodable, row.cells)) else "")
            if fault:
                yield RefusedSample(f"{name}:{row.number}", fault)
                continue
            rows.append(row)
            size += sum(map(len, row.cells))
            if len(rows) == PIECE_ROWS or size > PIECE_CHARACTERS:
                yield _piece(name, rows, split)
                rows, size = [], 0
    if rows:
        yield _piece(name, rows, split)


def _piece(name: str, rows: Sequence[Row], split: SplitName | None) -> Rows:
    return Rows(name, [row.number for row in rows], [row.cells for row in rows], split)


def declared_split(path: str) -> SplitName | None:
    """Return the split that a table's name declares, or the folder that it lies in; None where neither does.

    Args:
        path: relative to the source, clean.
    """
    *folders, file = path.split("/")
    if found := SPLIT_FILE.fullmatch(file.partition(".")[0]):
        return SPLIT_FOLDERS[found[1].lower()]
    return SPLIT_FOLDERS.get(folders[-1].lower()) if folders else None


def _rows(stream: IO[bytes], path: str, kind: str, wanted: Sequence[str], settings: TableSettings) -> Iterator[Row]:
    if kind in DELIMITERS:
        return _chosen(read_delimited(stream, path, kind, settings), path, wanted, settings.columns)
    if kind == "parquet":
        from tasks.workloads.tables.parquet import read_parquet

        return read_parquet(stream, path, wanted)
    return read_json_lines(stream, wanted)


def _chosen(rows: Iterator[Row], path: str, wanted: Sequence[str], columns: Sequence[str]) -> Iterator[Row]:
    """Yield the wanted cells of rows, the first of which names the columns where the settings do not."""
    if not columns:
        first = next(rows, None)
        if first is None:
            return
        columns = [name.strip() for name in first.cells]
    places = places_of(wanted, columns, path)
    for row in rows:
        if not row.fault and len(row.cells) != len(columns):
            yield Row(row.number, (), f"{len(row.cells)} cells: {len(columns)} are expected")
        else:
            yield row if row.fault else Row(row.number, [row.cells[place] for place in places])
