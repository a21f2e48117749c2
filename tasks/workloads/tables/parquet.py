"""Rows of .parquet files, a batch at a time."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from tasks.errors import SourceError
from tasks.workloads.tables.columns import Choose
from tasks.workloads.tables.json_lines import cell_of
from tasks.workloads.tables.pieces import PIECE_ROWS, Piece
from tasks.workloads.tables.streams import CHUNK


def read_parquet(stream: IO[bytes], path: str, choose: Choose) -> Iterator[Piece]:
    """Yield the cells of some columns; numbers of classes become the names that the file has for them.

    Hugging Face's datasets write these names into the file's metadata (``ClassLabel``).

    Args:
        stream: of the content; what cannot be sought in is copied to a temporary file.
        path: of the file, for messages.
        choose: the columns that are wanted.

    Raises:
        SourceError: it is no whole Parquet file, or has not these columns.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with tempfile.TemporaryFile() as copy:
        if not stream.seekable():
            shutil.copyfileobj(stream, copy, CHUNK)
            copy.seek(0)
            stream = copy
        try:
            file = ParquetFile(stream)
            columns = choose(file.schema_arrow.names)
            there = [name for name in columns if name is not None]
            labels = _class_names(file.schema_arrow.metadata or {})
            number = 1
            for batch in file.iter_batches(PIECE_ROWS, columns=there):
                cells = [
                    [""] * batch.num_rows if name is None else _cells(batch.column(name).to_pylist(), labels.get(name))
                    for name in columns
                ]
                yield Piece(number, list(zip(*cells, strict=True)))
                number += batch.num_rows
        except (ArrowException, OSError) as error:
            raise SourceError(
                f"Expected {path} to be a whole Parquet file. Received: {str(error)[:300]}. Make or fetch it again."
            ) from None


def _cells(values: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [cell_of(value) for value in values]
    return [names[value] if isinstance(value, int) and 0 <= value < len(names) else "" for value in values]


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names of classes by their columns, as far as the metadata has them."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
