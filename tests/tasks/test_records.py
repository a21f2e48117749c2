import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from tasks.deployment.releases.samples import Samples
from tasks.errors import DataError
from tasks.evaluation.records import Quality
from tasks.records import FormattedRecord, Record, read_record, write_record
from tasks.samples import Dataset
from tasks.training.records import TeachersReport, TrainingReport


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


def formatted(kind: type[Record]) -> list[type[Record]]:
    """All records of the stages that name a format."""
    inner = [each for child in kind.__subclasses__() for each in formatted(child)]
    return [kind, *inner] if "format" in kind.model_fields else inner


@pytest.mark.parametrize("kind", [Dataset, Quality, TrainingReport, TeachersReport])
def test_a_record_of_before_there_were_formats_is_never_read_as_one_of_today(
    tmp_path: Path, kind: type[Record]
) -> None:
    path = tmp_path / "record.json"
    for text, words in (("{}", "expected a format. Received: none"), ('{"format": 1}', "Input should be 2")):
        path.write_text(text)
        with pytest.raises(DataError, match="by another version of slimline") as caught:
            read_record(path, kind)
        assert words in str(caught.value)


def test_each_record_whose_format_has_changed_expects_it_to_be_named() -> None:
    changed = [kind for kind in formatted(Record) if get_args(kind.model_fields["format"].annotation) != (1,)]
    assert {kind.__name__ for kind in changed} >= {"Dataset", "Quality", "Samples", "TrainingReport"}
    for kind in changed:
        with pytest.raises(ValidationError):
            kind.model_validate_json('{"format": 1}')
        if kind is not Samples:  # reads the first format, too
            assert issubclass(kind, FormattedRecord)


def test_a_store_is_opened_without_the_library_that_checks_records() -> None:
    code = "import sys; import tasks.deployment.stores.s3; print('pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout == "False\n"  # it takes a fifth of a second to load, which a transfer would pay for
