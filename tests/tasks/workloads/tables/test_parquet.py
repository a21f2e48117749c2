"""Parquet tables, written by the library that defines them, and in Hugging Face's form."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
from tasks.workloads.items import Rows, SourceFile
from tasks.workloads.tables.files import take_table
from tasks.workloads.tables.settings import TableSettings

WANTED = ("text", "label")


def written(metadata: dict[bytes, bytes] | None = None, **columns: Any) -> bytes:
    content = io.BytesIO()
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata) if metadata else table, content, row_group_size=300)
    return content.getvalue()


def rows(content: bytes, optional: tuple[str, ...] = ()) -> list[tuple[int, tuple[str, ...]]]:
    items = list(take_table(SourceFile("a.parquet", -1, lambda: content), WANTED, TableSettings(), optional))
    pieces = [item for item in items if isinstance(item, Rows)]
    return [(number, tuple(row)) for piece in pieces for number, row in zip(piece.numbers, piece.rows, strict=True)]


def test_rows_have_the_wanted_columns_in_their_order() -> None:
    content = written(label=[1, None, 0] * 300, text=["a", "b\n", "ü"] * 300, more=[[1]] * 900)
    found = rows(content)
    assert found[:3] == [(1, ("a", "1")), (2, ("b\n", "")), (3, ("ü", "0"))]
    assert [number for number, _ in found] == list(range(1, 901))


def test_numbers_of_classes_become_the_names_that_hugging_face_writes() -> None:
    features = {
        "label": {"names": ["ham", "spam"], "_type": "ClassLabel"},
        "text": {"dtype": "string", "_type": "Value"},
    }
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    assert rows(written(metadata, text=["a", "b", "c"], label=[1, 0, -1])) == [
        (1, ("a", "spam")),
        (2, ("b", "ham")),
        (3, ("c", "")),
    ]
    assert rows(written({b"huggingface": b"[]"}, text=["a"], label=[1])) == [(1, ("a", "1"))]


def test_a_column_that_need_not_be_there_gives_empty_cells() -> None:
    assert rows(written(text=["a"]), optional=("label",)) == [(1, ("a", ""))]
    with pytest.raises(SourceError, match="hold label"):
        rows(written(text=["a"]))


@pytest.mark.parametrize("cut", [slice(-10), slice(10, None), slice(0)])
def test_a_damaged_file_is_said(cut: slice) -> None:
    with pytest.raises(SourceError, match="whole Parquet file"):
        rows(written(text=["a"] * 1000, label=["x"] * 1000)[cut])


def test_a_table_in_an_archive_is_read(tmp_path: Path) -> None:
    content = written(text=["a"], label=["x"])
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("in/test.parquet")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    items = open_source(str(tmp_path / "a.tar.gz")).items(lambda file: take_table(file, WANTED, TableSettings()))
    (piece,) = [item for item in items if isinstance(item, Rows)]
    assert (piece.file, piece.split, list(piece.rows)) == ("in/test.parquet", "test", [("a", "x")])
