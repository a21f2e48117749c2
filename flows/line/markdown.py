"""Markdown for Prefect's pages, in which all that came from outside is text."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.text import markdown


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as a table whose columns are the keys of the first one.

    Args:
        rows: all with the same keys.
    """
    return markdown_cells(tuple(rows[0]), [tuple(row.values()) for row in rows])


def markdown_cells(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, cell by cell.

    Args:
        head: of the columns.
        rows: as many cells each.
    """
    lines = [list(map(markdown, head)), ["---"] * len(head), *(list(map(markdown, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_picture(title: str, svg: str) -> str:
    """Return a picture within the page; as an image it can run nothing and ask for nothing.

    Args:
        title: for those who do not see it.
        svg: the picture.
    """
    return f"![{markdown(title)}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def shown_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of a table artifact, whose texts are shown as they are: Prefect's pages take each for Markdown.

    Args:
        rows: of values.
    """
    return [{key: markdown(of) if isinstance(of, str) else of for key, of in row.items()} for row in rows]
