import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import DataError
from tasks.records import Record, read_record, write_record


class Part(Record):
    name: str
    sizes: tuple[int, ...]


class Whole(Record):
    title: str
    parts: dict[str, Part]
    ratio: float | None = None


WHOLE = Whole(title="ganz, für alle", parts={"one": Part(name="a", sizes=(1, 2))})


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "whole.json"
    write_record(path, WHOLE)
    assert read_record(path, Whole) == WHOLE
    assert '"title": "ganz, für alle"' in path.read_text(encoding="utf-8")
    assert path.read_text().endswith("}\n")


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    write_record(tmp_path / "one", WHOLE)
    write_record(tmp_path / "two", Whole.model_validate(WHOLE.model_dump()))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_record_that_is_missing_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "whole.json"
    with pytest.raises(DataError) as caught:
        read_record(path, Whole)
    assert f"Expected {path} (Whole). Received: no such file. Run `slimline run`" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid JSON"),
        ('{"title": "t"}', "parts"),
        ('{"title": "t", "parts": {}, "extra": 1}', "extra"),
        ('{"title": "t", "parts": {"one": {"name": "a", "sizes": ["big"]}}}', "parts.one.sizes.0"),
    ],
)
def test_a_record_of_another_kind_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "whole.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_record(path, Whole)
    assert f"Expected {path} to hold a Whole. Received:" in str(caught.value)
    assert words in str(caught.value)


def test_a_store_is_opened_without_the_library_that_checks_records() -> None:
    code = "import sys; import tasks.deployment.stores.s3; print('pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout == "False\n"  # it takes a fifth of a second to load, which a transfer would pay for
