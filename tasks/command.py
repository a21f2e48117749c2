"""The shell of a stage: `python -m tasks.<stage>` reads params.yaml, does one thing and says how it ended."""

import errno
import sys
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path

from tasks.config import Params, load_params
from tasks.errors import ConfigError, SlimlineError

Work = Callable[..., None]
FULL = {errno.ENOSPC, errno.EDQUOT}


def run_command(works: Mapping[str, Work], arguments: list[str] | None = None) -> None:
    """Run the work named by the first argument with the params and the remaining arguments; exit with its code.

    Exit codes: 0 done, 2 the configuration or the command line is wrong, 65 a recipe cannot be made of this network,
    69 a source or store did not answer, 130 interrupted by a person, 1 any other error that has a message.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        if name not in works:
            raise ConfigError(f"Expected one of: {', '.join(works)}. Received: {name!r}.")
        params: Params = load_params()
        _check_arguments(works[name], name, rest)
        works[name](params, *rest)
    except SlimlineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = error.filename or Path.cwd()
        print(
            f"error: Expected room on the disk of {where}. Received: {error.strerror}. "
            f"Make room; what is finished is kept, and the next run goes on from there.",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _check_arguments(work: Work, name: str, arguments: list[str]) -> None:
    try:
        signature(work).bind(None, *arguments)
    except TypeError as error:
        raise ConfigError(f"Expected {name} with the arguments it takes. Received: {arguments} ({error}).") from None
