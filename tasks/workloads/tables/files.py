"""Tables as files of a source: which ones they are, and their rows in pieces for the processes that read samples."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, compress
from operator import itemgetter
from typing import IO

from tasks.paths import clean, is_litter
from tasks.samples import SplitName
from tasks.workloads.class_folders import SPLIT_FOLDERS
from tasks.workloads.items import Item, RefusedSample, Rows, SourceFile
from tasks.workloads.tables.columns import Choose, named
from tasks.workloads.tables.delimited import DELIMITERS, read_delimited
from tasks.workloads.tables.json_lines import read_json_lines
from tasks.workloads.tables.pieces import Fault, Piece
from tasks.workloads.tables.settings import TableSettings
from tasks.workloads.tables.streams import damage_of, kind_of, undecodable, unpacked

KINDS = frozenset({"csv", "tsv", "jsonl", "ndjson", "parquet"})
# train.csv, test-00000-of-00003.parquet
SPLIT_FILE = re.compile(rf"({'|'.join(SPLIT_FOLDERS)})([-_.]\d.*)?", re.IGNORECASE)


def is_table(path: str) -> bool:
    """Return whether a file is a table, as far as its name tells.

    Args:
        path: of the file.
    """
    return kind_of(path)[0] in KINDS


def take_table(
    file: SourceFile, columns: Sequence[str], settings: TableSettings, optional: Collection[str] = ()
) -> Iterator[Item]:
    """Yield the rows of a table in pieces, with the cells of the columns that are wanted, in their order.

    A row that has not as many cells as there are columns is refused, by its number.

    Args:
        file: of a source.
        columns: that are wanted; that of the split comes behind them where the settings name one.
        settings: of tables.
        optional: columns whose cells are empty where they are not there.

    Raises:
        SourceError: the file is damaged, or has not these columns.
    """
    name = clean(file.path)
    if is_litter(name):
        return
    wanted = [*columns, *([settings.split] if settings.split else [])]
    yield from take_chosen(file, named(wanted, name, optional), len(wanted), settings)


def take_chosen(file: SourceFile, choose: Choose, cells: int, settings: TableSettings) -> Iterator[Item]:
    """Yield the rows of a table in pieces, with the cells of the columns that are chosen.

    Args:
        file: of a source.
        choose: the columns.
        cells: how many columns are chosen.
        settings: of tables.

    Raises:
        SourceError: the file is damaged, or has not these columns.
    """
    name = clean(file.path)
    split = declared_split(name)
    kind, compression = kind_of(name)
    with damage_of(name), file.open() as stream, unpacked(stream, compression) as content:
        for found in _pieces(content, name, kind, choose, settings):
            if isinstance(found, Fault):
                yield RefusedSample(f"{name}:{found.number}", found.reason)
            else:
                yield from _rows(name, found, split, cells)


def _rows(name: str, piece: Piece, split: SplitName | None, cells: int) -> Iterator[Item]:
    """Yield the rows of a piece that can be read, and refusals of the others; empty lines are passed over."""
    numbers: Sequence[int] = range(piece.first, piece.first + len(piece.rows))
    rows = piece.rows
    if set(map(len, rows)) != {cells}:
        kept = [(number, row) for number, row in zip(numbers, rows, strict=True) if row]
        numbers, rows = [number for number, _ in kept], [row for _, row in kept]
    if undecodable("".join(chain.from_iterable(rows))):
        bad = [any(map(undecodable, row)) for row in rows]
        for number in compress(numbers, bad):
            yield RefusedSample(f"{name}:{number}", "bytes that are not in the encoding")
        good = [not each for each in bad]
        numbers, rows = list(compress(numbers, good)), list(compress(rows, good))
    if rows:
        yield Rows(name, numbers, rows, split)


def declared_split(path: str) -> SplitName | None:
    """Return the split that a table's name declares, or the folder that it lies in; None where neither does.

    Args:
        path: relative to the source, clean.
    """
    *folders, file = path.split("/")
    if found := SPLIT_FILE.fullmatch(file.partition(".")[0]):
        return SPLIT_FOLDERS[found[1].lower()]
    return SPLIT_FOLDERS.get(folders[-1].lower()) if folders else None


def _pieces(
    stream: IO[bytes], path: str, kind: str, choose: Choose, settings: TableSettings
) -> Iterator[Piece | Fault]:
    if kind in DELIMITERS:
        return _chosen(read_delimited(stream, path, kind, settings), choose, settings.columns)
    if kind == "parquet":
        from tasks.workloads.tables.parquet import read_parquet

        return read_parquet(stream, path, choose)
    return read_json_lines(stream, choose)


def _chosen(found: Iterator[Piece | Fault], choose: Choose, columns: Sequence[str]) -> Iterator[Piece | Fault]:
    """Yield the wanted cells of rows, the first of which names the columns where the settings do not."""
    pick: Callable[[Sequence[str]], Sequence[str]] | None = None
    for piece in found:
        if isinstance(piece, Fault) or not piece.rows:
            if isinstance(piece, Fault):
                yield piece
            continue
        first, rows = piece
        if pick is None:
            if not columns:
                columns = [name.strip() for name in rows[0]]
                first, rows = first + 1, rows[1:]
            pick = _chooser([None if name is None else columns.index(name) for name in choose(columns)])
        if set(map(len, rows)) - {len(columns), 0}:
            for number, row in enumerate(rows, start=first):
                if len(row) not in (0, len(columns)):
                    yield Fault(number, f"{len(row)} cells: {len(columns)} are expected")
            rows = [row if len(row) == len(columns) else () for row in rows]
        yield Piece(first, [pick(row) if row else () for row in rows])


def _chooser(places: Sequence[int | None]) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return what takes the cells at some places out of a row, empty ones where there is no place."""
    known = [place for place in places if place is not None]
    if len(known) == len(places) > 1:
        return itemgetter(*known)
    return lambda row: ["" if place is None else row[place] for place in places]
