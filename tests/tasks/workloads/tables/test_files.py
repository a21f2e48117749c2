"""Tables of every form: the rows that are read, those that are refused by their numbers, and files that are damaged."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
from tasks.workloads.items import RefusedSample, Rows, SourceFile
from tasks.workloads.tables.files import declared_split, is_table, take_table
from tasks.workloads.tables.settings import TableSettings
from tests.tasks.data_loading.material import write_tar, write_zip

WANTED = ("text", "label")
Found = tuple[list[tuple[int, tuple[str, ...]]], list[str]]


def rows(name: str, content: bytes, **settings: object) -> Found:
    """Return number and cells of each row, and what was refused."""
    items = list(
        take_table(SourceFile(name, len(content), lambda: content), WANTED, TableSettings.model_validate(settings))
    )
    pieces = [item for item in items if isinstance(item, Rows)]
    read = [(number, tuple(row)) for piece in pieces for number, row in zip(piece.numbers, piece.rows, strict=True)]
    return read, [f"{item.name} {item.reason}" for item in items if isinstance(item, RefusedSample)]


def test_a_cell_in_quotes_may_hold_commas_quotes_and_line_breaks() -> None:
    content = b'id,text,label\r\n1,"a, ""b""\r\nc",x\r\n2,5" disk,y\r\n'
    assert rows("a.csv", content) == ([(2, ('a, "b"\r\nc', "x")), (3, ('5" disk', "y"))], [])


def test_many_rows_of_many_lines_are_no_quote_that_is_left_open() -> None:
    body = "line\n" * 30
    content = "text,label\n" + "".join(f'"{number} {body}",x\n' for number in range(2_000))
    read, refused = rows("mail.csv", content.encode())
    assert ([number for number, _ in read], refused) == (list(range(2, 2_002)), [])


def test_quotes_in_tab_separated_files_are_plain_characters_unless_told() -> None:
    content = b'text\tlabel\n"hi\tx\n"a\tb"\ty\n'
    assert rows("a.tsv", content)[0] == [(2, ('"hi', "x"))]
    assert rows("b.tsv", b'text\tlabel\n"a\tb"\ty\n', quotes=True)[0] == [(2, ("a\tb", "y"))]
    assert rows("b.csv", b"text,label\n'a',\"x\"\n", quotes=False)[0] == [(2, ("'a'", '"x"'))]


def test_a_row_that_is_none_is_refused_by_its_number_and_the_others_are_read() -> None:
    content = b'text,label\na,x\nb\nc,x,more\n"d"e,x\n\n\xff,x\nf,x\n'
    read, refused = rows("in/a.csv", content)
    assert read == [(2, ("a", "x")), (8, ("f", "x"))]
    assert refused == [
        "in/a.csv:3 1 cells: 2 are expected",
        "in/a.csv:4 3 cells: 2 are expected",
        "in/a.csv:5 ',' expected after '\"' (line 5)",
        "in/a.csv:7 bytes that are not in the encoding",
    ]


@pytest.mark.parametrize("content", [b'text,label\na,x\n"b,x\nc,x\n', b'text,label\n"' + b"a\n" * 20_000 + b'",x\n'])
def test_a_quote_that_is_not_closed_is_said_with_its_line(content: bytes) -> None:
    with pytest.raises(SourceError, match=r"close every quote.*in line [23]"):
        rows("a.csv", content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    content = "text,label\nÜber 5 €,ä\n".encode(encoding)
    assert rows("a.csv", content)[0] == [(2, ("Über 5 €", "ä"))]


def test_an_encoding_is_taken_from_the_settings_where_there_is_no_mark() -> None:
    assert rows("a.csv", "text,label\n5 €,ä\n".encode("cp1252"), encoding="cp1252")[0] == [(2, ("5 €", "ä"))]
    with pytest.raises(ValueError, match="name of an encoding"):
        TableSettings(encoding="klingon")


def test_columns_are_named_where_the_file_has_no_names() -> None:
    assert rows("a.tsv", b"x\thello\n", columns=["label", "text"])[0] == [(1, ("hello", "x"))]


def test_a_column_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(SourceError, match=r"columns text, label.*Received: 'Text', 'label'.*hold text"):
        rows("a.csv", b"Text,label\n")
    with pytest.raises(SourceError, match="each once"):
        rows("a.csv", b"text,label,text\n")


def test_the_split_of_a_row_comes_behind_its_cells() -> None:
    assert rows("a.csv", b"split,text,label\ntest,a,x\n", split="split")[0] == [(2, ("a", "x", "test"))]


def test_json_lines_are_objects_with_the_columns_and_others_are_refused() -> None:
    lines = [
        json.dumps({"text": "a\ud800\u0000", "label": True}),
        '{"text": "b", "label": 3}',
        '{"text": null, "label": 1.5}',
        '{"text": "c"}',
        "[1]",
        "{",
        "[" * 100_000,
        "",
        '{"text": ["d", 1], "label": "x", "more": 1}',
    ]
    read, refused = rows("a.jsonl", b"\xef\xbb\xbf" + "\n".join(lines).encode())
    assert read == [
        (1, ("a\ud800\u0000", "true")),
        (2, ("b", "3")),
        (3, ("", "1.5")),
        (9, ('["d", 1]', "x")),
    ]
    assert [each.partition(" ")[0] for each in refused] == ["a.jsonl:4", "a.jsonl:5", "a.jsonl:6", "a.jsonl:7"]
    assert "no label; there are text" in refused[0]


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compressed_tables_are_unpacked_and_damaged_ones_are_said(suffix: str, pack: Callable[[bytes], bytes]) -> None:
    content = pack(b"text,label\n" + b"".join(b"%d word,x\n" % number for number in range(20_000)))
    read, refused = rows(f"a.csv.{suffix}", content)
    assert (len(read), refused) == (20_000, [])
    with pytest.raises(SourceError, match="to be whole"):
        rows(f"a.csv.{suffix}", content[:-9])
    with pytest.raises(SourceError, match="to be whole"):
        rows(f"a.csv.{suffix}", b"text,label\n")


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train.csv", "train"),
        ("Test.tsv.gz", "test"),
        ("data/validation-00000-of-00003.parquet", "validation"),
        ("val_1.jsonl", "validation"),
        ("test/part.csv", "test"),
        ("trains.csv", None),
        ("data.csv", None),
    ],
)
def test_the_name_of_a_table_declares_its_split(path: str, split: str | None) -> None:
    assert declared_split(path) == split


def test_tables_are_known_by_their_endings() -> None:
    assert [name for name in ("a.CSV", "b.tsv.xz", "c.gz", "d.txt", "csv", "e.parquet") if is_table(name)] == [
        "a.CSV",
        "b.tsv.xz",
        "e.parquet",
    ]


def test_rows_come_in_pieces_of_bounded_size() -> None:
    content = b"text,label\n" + b"word,x\n" * 5_000
    items = list(take_table(SourceFile("a.csv", -1, lambda: content), WANTED, TableSettings()))
    assert max(len(item.rows) for item in items if isinstance(item, Rows)) <= 2048


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "mail.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\nhi,x\n"))
    (piece,) = open_source(str(path)).items(lambda file: take_table(file, WANTED, TableSettings()))
    assert isinstance(piece, Rows)
    assert (piece.file, list(piece.numbers), list(piece.rows)) == ("mail.csv.gz", [2], [("hi", "x")])


@pytest.mark.parametrize("packing", ["a.tar.gz", "a.tar", "a.zip"])
def test_tables_in_archives_are_streamed_and_damage_is_said(tmp_path: Path, packing: str) -> None:
    content = b"text,label\n" + b"".join(b"%d words and more,x\n" % number for number in range(5_000))
    files = {"train.csv": content, "in/test.csv.gz": gzip.compress(content), "notes.md": b"none"}
    (write_zip if packing.endswith("zip") else write_tar)(tmp_path / packing, files)

    def found(path: Path) -> dict[str, int]:
        items = open_source(str(path)).items(
            lambda file: take_table(file, WANTED, TableSettings()) if is_table(file.path) else ()
        )
        counts: dict[str, int] = {}
        for item in items:
            assert isinstance(item, Rows)
            counts[f"{item.file} {item.split}"] = counts.get(f"{item.file} {item.split}", 0) + len(item.rows)
        return counts

    assert found(tmp_path / packing) == {"train.csv train": 5_000, "in/test.csv.gz test": 5_000}
    cut = (tmp_path / packing).read_bytes()[:-20_000]
    (tmp_path / f"cut-{packing}").write_bytes(cut)
    with pytest.raises(SourceError, match="whole"):
        found(tmp_path / f"cut-{packing}")
