"""Settings of tables in params.yaml, which every workload shares whose samples are rows."""

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tasks.settings import Settings


def _check_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError("expected the name of an encoding that Python knows, as utf-8 or cp1252") from None


Column = Annotated[str, Field(min_length=1, max_length=200)]


class TableSettings(Settings):
    """The form of tables: .csv, .tsv, .jsonl and .parquet files."""

    columns: Annotated[
        tuple[Column, ...],
        Field(strict=False, description="names of all columns, where .csv and .tsv files have no row of names"),
    ] = ()
    split: Annotated[
        Column | None, Field(description="column that says train, validation or test; by default the file's name does")
    ] = None
    delimiter: Annotated[
        Annotated[str, Field(min_length=1, max_length=8)] | None,
        Field(
            description="between cells; by default a comma in .csv files and a tab in .tsv files. Several characters, "
            "as ::, know no quotes"
        ),
    ] = None
    quotes: Annotated[
        bool | Literal["auto"],
        Field(description='whether "…" holds a cell that may have delimiters in it; auto: in .csv files alone'),
    ] = "auto"
    encoding: Annotated[
        str, AfterValidator(_check_encoding), Field(description="of .csv and .tsv files without a byte order mark")
    ] = "utf-8"
