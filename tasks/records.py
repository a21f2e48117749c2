"""Small records in JSON files: what one stage tells the next, and what a release says of itself."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from tasks.errors import DataError
from tasks.files import to_json, write_text


class Record(BaseModel):
    """A small immutable record that lives in a JSON file between two stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FormattedRecord(Record):
    """A record with a number that counts up when its form changes, ``format``.

    A file without one was written before there were formats, and is never read as one of today.
    """

    @model_validator(mode="before")
    @classmethod
    def _expect_a_format(cls, values: Any, info: ValidationInfo) -> Any:
        if info.mode == "json" and isinstance(values, dict) and "format" not in values:
            raise ValueError("expected a format. Received: none, as records had before there were formats")
        return values


class Interval(Record):
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


AnyRecord = TypeVar("AnyRecord", bound=Record)


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON, atomically.

    Args:
        path: folders above it are made.
        record: any.
    """
    write_text(path, to_json(record.model_dump(mode="json")))


def read_record(path: Path, kind: type[AnyRecord]) -> AnyRecord:
    """Return the record that a file holds.

    Args:
        path: of the file.
        kind: of record.

    Raises:
        DataError: the file is missing or is not such a record.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"Expected {path} ({kind.__name__}). Received: no such file. Run `slimline run` or `dvc repro` first."
        ) from None
    except ValidationError as error:
        raise DataError(
            f"Expected {path} to hold a {kind.__name__}. Received: {error}. "
            f"It was written by another version of slimline or edited: remove it and run again."
        ) from None
