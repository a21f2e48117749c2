"""The environment of a stage's process: all that this one has, without what no stage may have."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

WITHHELD = ("SLIMLINE_SIGNING_KEY",)  # no stage signs, and a model of one's own is anybody's code


def stage_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment for DVC and the stages that it starts: this Python's programs come first.

    Args:
        more: variables to set beside those that are there.
    """
    here = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    return {**here, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}", **more}
