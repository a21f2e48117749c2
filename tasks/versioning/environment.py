"""The environment of a stage's process: all that this one has, without what no stage may have."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tasks.config import PARAMS, secret_variables

WITHHELD = ("SLIMLINE_SIGNING_KEY",)  # no stage signs, and a model of one's own is anybody's code


def withheld(params: Path = PARAMS) -> frozenset[str]:
    """Return the variables that no stage and no server may have: the private key, and secrets of those who are told.

    Args:
        params: the params.yaml that names secrets of those who are told.
    """
    return secret_variables(params).union(WITHHELD)


def stage_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for DVC and the stages that it starts: this Python's programs come first.

    Args:
        more: variables to set beside those that are there.
    """
    secret = withheld()
    here = {name: value for name, value in os.environ.items() if name not in secret}
    return {**here, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}", **more}
