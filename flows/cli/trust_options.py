"""Options of commands that take releases: whose."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.cli.trust import resolve_trust as resolve_trust  # noqa: PLC0414 - the options and what is made of them

TrustedKeys = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--trusted-keys",
        negative="",
        help="A public key or a folder of them; may be repeated. By default what SLIMLINE_TRUSTED_KEYS or "
        "params.yaml names.",
    ),
]
AllowUnsigned = Annotated[
    bool, Parameter(name="--allow-unsigned", negative="", help="Take a release whoever has signed it, or nobody.")
]
