"""Pages that are made of the code while the docs are built, and pages that lie above the docs' folder.

In a page, a line of its own

- ``<!-- file: README.md -->`` stands for a file of the repository, whose links then lead from the docs' folder,
- ``<!-- settings -->`` for all settings of params.yaml,
- ``<!-- techniques -->`` for all techniques of a recipe with their settings,
- ``<!-- commands -->`` for all commands of ``slimline``.
"""

import inspect
import os
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
REPOSITORY = DOCS.parent
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s]+)(?=\))")
FILE = re.compile(r"^<!-- file: (\S+) -->$", re.MULTILINE)
STEP = "recipes.<name>.<step> "
Row = tuple[str, str, str]


def file_of_the_repository(name: str, page: Path) -> str:
    """Return a file's text with links that lead from the page it is shown in.

    Args:
        name: the file's path in the repository.
        page: the page's path.
    """
    folder = (REPOSITORY / name).parent
    pages = {file: other for other in DOCS.rglob("*.md") for file in FILE.findall(other.read_text(encoding="utf-8"))}

    def lead(link: re.Match[str]) -> str:
        path, mark, anchor = link[1].partition("#")
        linked = os.path.relpath(folder / path, REPOSITORY)
        target = pages.get(linked, folder / path)
        return os.path.relpath(target, page.parent) + mark + anchor

    return LINK.sub(lead, (REPOSITORY / name).read_text(encoding="utf-8"))


def settings() -> str:
    """Return all settings of params.yaml but those of techniques, a section for each of its parts."""
    rows = [row for row in _reference() if not row[0].startswith(STEP)]
    return "\n\n".join(
        f"## {part}\n\n{_table(list(within))}" for part, within in groupby(rows, lambda row: row[0].partition(".")[0])
    )


def techniques() -> str:
    """Return all techniques: the docstring of each, then its settings."""
    from tasks.compression.schema import kinds

    rows = [(key.removeprefix(STEP), kind, about) for key, kind, about in _reference() if key.startswith(STEP)]
    parts = []
    for name, kind in kinds().items():
        own = [(key.removeprefix(f"{name}."), kind, about) for key, kind, about in rows if key.startswith(f"{name}.")]
        parts.append(f"## {name}\n\n```{{eval-rst}}\n{inspect.getdoc(kind)}\n```")
        parts.append(_table(own) if own else "It has no settings.")
    return "\n\n".join(parts)


def commands() -> str:
    """Return the help of ``slimline`` and of all its commands."""
    from flows.cli.app import app

    found = app.generate_docs(output_format="markdown")
    text = re.sub(r"## Table of Contents\n.*?(?=^\*\*Commands\*\*)", "", found, flags=re.DOTALL | re.MULTILINE)
    return text.partition("\n")[2]  # the title is the page's


def _reference() -> Iterator[Row]:
    from tasks.compression.schema import params_schema, reference

    return reference(params_schema())


def _table(rows: Iterable[Row]) -> str:
    lines = ["| key | value | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | {_cell(kind)} | {_cell(about)} |" for key, kind, about in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Turn a docstring's words into a table's cell: only what stands between backquotes is code."""
    text = _inline(text)
    plain = re.split(r"(`[^`]*`)", text)
    plain[::2] = [re.sub(r"([*<_])", r"\\\1", part) for part in plain[::2]]
    return "".join(plain).replace("|", r"\|")


def _inline(text: str) -> str:
    """Turn what docstrings mark up into Markdown."""
    text = re.sub(r":(?:mod|class|func|attr|meth):`~?([^`]+)`", r"`\1`", text)
    return re.sub(r"``([^`]+)``", r"`\1`", text)


GENERATED = {"settings": settings, "techniques": techniques, "commands": commands}


def _fill(app: Any, page: str, source: list[str]) -> None:
    """Put into a page what its lines stand for."""
    path = Path(app.env.doc2path(page))
    for name in FILE.findall(source[0]):
        app.env.note_dependency(str(REPOSITORY / name))
    text = FILE.sub(lambda line: file_of_the_repository(line[1], path), source[0])
    for name, make in GENERATED.items():
        if (mark := f"<!-- {name} -->") in text:
            text = text.replace(mark, make())
    source[0] = text


def setup(app: Any) -> dict[str, bool]:
    """Let Sphinx call this when it has read a page."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
