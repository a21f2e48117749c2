"""The shell of a stage: `python -P -m tasks.<stage>` reads params.yaml, does one thing and says how it ended."""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from inspect import signature
from pathlib import Path

from tasks.config import Params, expect_own_name, load_params
from tasks.errors import ConfigError, SlimlineError
from tasks.files import is_full, no_room
from tasks.text import plain_output, show_what_cannot_be_encoded, visible, visible_lines

Work = Callable[..., None]
Entry = Work | str  # or where it is, as package.module:function: what is not asked for is not imported
MODULES = "SLIMLINE_MODULES"  # environment variable: the project whose modules a stage finds that runs elsewhere


def run_command(
    works: Mapping[str, Entry],
    arguments: list[str] | None = None,
    say: Callable[[str], None] | None = print,
    measuring: Container[str] = (),
) -> None:
    """Run the work that the first argument names, with the params and the remaining arguments.

    Exit codes: 0 done, 2 the configuration or the command line is wrong, 65 a recipe cannot be made of this network,
    66 the data cannot be used, 69 a source or store did not answer, 130 interrupted by a person, 1 any other error that
    has a message.

    Args:
        works: what can be run, by name.
        arguments: the command line behind the module; None: that of this process.
        say: is told of keys of params.yaml that have another name now; None: nobody is.
        measuring: works that measure what models answer, for which the gate's metrics are looked up.

    Raises:
        SystemExit: the work did not end well; with the code.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    show_what_cannot_be_encoded()
    find_projects_modules()
    with _ended_by_its_errors():
        if name not in works:
            raise ConfigError(f"Expected one of: {', '.join(works)}. Received: {name!r}.")
        params: Params = load_params(say=say, measured=name in measuring)
        expect_own_name(params)  # `dvc repro` alone begins here
        work = _work(works[name])
        _check_arguments(work, name, rest)
        with plain_output():
            work(params, *rest)


def find_projects_modules() -> None:
    """Let Python find a project's own modules behind everything else, so that none takes the place of another.

    Stages run as ``python -P -m tasks.…``, which leaves the working folder out of ``sys.path``.
    """
    for folder in (str(Path.cwd()), os.environ.get(MODULES)):
        if folder and folder not in sys.path:
            sys.path.append(folder)


@contextlib.contextmanager
def _ended_by_its_errors() -> Iterator[None]:
    """End the process with the message and the exit code of what the block raises."""
    try:
        yield
    except SlimlineError as error:
        print(f"error: {visible_lines(str(error))}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if not is_full(error):
            raise
        print(f"error: {visible(no_room(error))}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _work(entry: Entry) -> Work:
    if not isinstance(entry, str):
        return entry
    module, _, function = entry.partition(":")
    work: Work = getattr(importlib.import_module(module), function)
    return work


def _check_arguments(work: Work, name: str, arguments: list[str]) -> None:
    try:
        signature(work).bind(None, *arguments)
    except TypeError as error:
        raise ConfigError(f"Expected {name} with the arguments it takes. Received: {arguments} ({error}).") from None
