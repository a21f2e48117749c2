"""Every command that a page shows is one that ``slimline`` takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import CycloptsError, MissingArgumentError

from flows.cli.app import app

REPOSITORY = Path(__file__).parents[2]
PAGES = [*sorted(REPOSITORY.glob("README*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|console)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(slimline [a-z][^`]*)`(?!`)")
COMMAND = re.compile(r"(?:\$ )?(slimline [^<…].*)", re.DOTALL)


def parted(line: str) -> list[str]:
    """The words of one command, as a shell parts them, without what comes behind it."""
    command = re.split(r"\s+(?:&&|\||>)\s+", line)[0]
    return shlex.split(command.replace("…", "x"), comments=True)[1:]


def whole(line: str) -> bool:
    """Tell whether all quotes of a line are closed."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True


def lines_of(block: str) -> Iterator[str]:
    """The lines of a block; those that belong to one command are one."""
    line = ""
    for part in block.replace("\\\n", " ").splitlines():
        line = f"{line}\n{part}" if line else part
        if whole(line):
            yield line
            line = ""
    yield line


def commands(text: str) -> list[list[str]]:
    """The commands in a page's blocks."""
    lines = [line for block in BLOCK.findall(text) for line in lines_of(block)]
    return [parted(found[1]) for line in lines if (found := COMMAND.match(line))]


def mentions(text: str) -> list[list[str]]:
    """The commands that its sentences name, where arguments may be left out."""
    return [parted(line) for line in INLINE.findall(text)]


def refusal(words: list[str], *passed: type[CycloptsError]) -> str | None:
    """The reason why ``slimline`` does not take them, if any; ``passed`` are reasons that do not count."""
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except passed:
        return None
    except CycloptsError as error:
        return f"slimline {shlex.join(words)}: {error}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_each_command_of_a_page_is_taken(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    refused = [refusal(words) for words in commands(text)]
    refused += [refusal(words, MissingArgumentError) for words in mentions(text)]
    assert [why for why in refused if why] == []


def test_commands_are_found_and_wrong_ones_are_refused() -> None:
    assert len(commands((REPOSITORY / "README.md").read_text(encoding="utf-8"))) >= 6
    assert refusal(["run", "--fast"])
    assert refusal(["fly"])
