"""Options that several commands share."""

from typing import Annotated

from cyclopts import Parameter

Changes = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        negative="",
        help="KEY=VALUE in params.yaml, or ~KEY, removed; may be repeated. `run` changes the file in place.",
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]
