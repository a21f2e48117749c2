"""The command line of the base install: the commands of a device, read by argparse.

Names, types and help are those of the functions, so that each command is described once, be it for this parser or for
cyclopts, which has all commands.
"""

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from inspect import Parameter, cleandoc, signature
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from flows.cli.devices import fetch, predict, verify
from tasks.errors import Usage
from tasks.extras import not_installed

COMMANDS: dict[str, Callable[..., None]] = {"fetch": fetch, "verify": verify, "predict": predict}


class _Parser(ArgumentParser):
    def error(self, message: str) -> Any:
        raise Usage(f"Expected {self.format_usage().removeprefix('usage: ').strip()}. Received: {message}.")


def run(arguments: Sequence[str], version: str, module: str) -> None:
    """Carry a command of a device out.

    Args:
        arguments: the command line behind ``slimline``.
        version: of slimline.
        module: a library of the extra ``line`` that is not installed.

    Raises:
        NotInstalled: it is another command, which needs the extra.
        Usage: the command takes other arguments.
    """
    first = next((each for each in arguments if not each.startswith("-")), None)
    if first is not None and first not in COMMANDS:
        raise not_installed("line", f"`slimline {first}`", module)
    given = vars(_parser(version).parse_args(arguments))
    if (name := given.pop("command")) is None:
        _parser(version).print_help()
        return
    command = COMMANDS[name]
    questions = given.pop("questions", [])
    command(*questions, **given)


def _parser(version: str) -> ArgumentParser:
    more = "All other commands (run, releases, …) need the extra `line`: pip install 'slimline[line]'"
    parser = _Parser(
        "slimline", description="Fetch released models, verify and ask them.", epilog=more, allow_abbrev=False
    )  # the parser of the whole install knows no abbreviations
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, function in COMMANDS.items():
        about, described = _documentation(function)
        sub = commands.add_parser(
            name, help=about, description=about, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False
        )
        types = get_type_hints(function)
        for parameter in signature(function).parameters.values():
            _add(sub, parameter, types[parameter.name], described[parameter.name])
    return parser


def _add(parser: ArgumentParser, parameter: Parameter, kind: Any, about: str) -> None:
    """Let a parser read one parameter of a function."""
    if parameter.kind is Parameter.VAR_POSITIONAL:
        parser.add_argument(parameter.name, nargs="*", type=kind, help=about)
        return
    if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
        parser.add_argument(parameter.name, type=kind, help=about)
        return
    option, required = f"--{parameter.name.replace('_', '-')}", parameter.default is Parameter.empty
    if kind is bool:
        parser.add_argument(option, action="store_true", help=about)
    elif get_origin(kind) is tuple:
        parser.add_argument(option, action="append", type=get_args(kind)[0], default=SUPPRESS, help=about)
    else:
        plain = get_args(kind)[0] if isinstance(kind, UnionType) else kind
        metavar = "PATH" if plain is Path else None
        parser.add_argument(option, type=plain, required=required, default=SUPPRESS, help=about, metavar=metavar)


def _documentation(function: Callable[..., None]) -> tuple[str, dict[str, str]]:
    """Return the first line of a docstring, and what it says of each parameter."""
    text = cleandoc(function.__doc__ or "")
    described: dict[str, str] = {}
    name = ""
    for line in text.partition("----------\n")[2].splitlines():
        if line.startswith(" "):
            described[name] = f"{described[name]} {line.strip()}".strip()
        else:
            name = line.strip()
            described[name] = ""
    return text.partition("\n")[0], described
