"""Small records in JSON files: what one stage tells the next, and what a release says of itself."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.errors import DataError
from tasks.files import to_json, write_text


class Record(BaseModel):
    """A small immutable record that lives in a JSON file between two stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(Record):
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


R = TypeVar("R", bound=Record)


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON, atomically."""
    write_text(path, to_json(record.model_dump(mode="json")))


def read_record(path: Path, kind: type[R]) -> R:
    """Read a record back.

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
