"""The few HTML elements that the report is made of. Everything given as text is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.text import html as escape


def table(caption: str, rows: Sequence[Mapping[str, str]], strong: str | None = None) -> str:
    """A table with a caption; the first column names the row, the row named ``strong`` stands out.

    It scrolls in a box of its own, so that a wide one does not widen the page of a phone.
    """
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    body = []
    for row in rows:
        first, *rest = row.values()
        marked = ' class="strong"' if first == strong else ""
        cells = "".join(f"<td>{_cell(value)}</td>" for value in rest)
        body.append(f'<tr{marked}><th scope="row">{escape(first)}</th>{cells}</tr>')
    return scroll(
        f"<table><caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{chr(10).join(body)}\n</tbody></table>",
        caption,
    )


def _cell(value: str) -> str:
    """A value; what stands behind it in brackets goes small below it."""
    if not (value.endswith(")") and " (" in value):
        return escape(value)
    value, _, aside = value[:-1].partition(" (")
    return f"{escape(value)}<small>{escape(aside)}</small>"


def scroll(element: str, label: str) -> str:
    """A box that scrolls sideways, with the keyboard too."""
    return f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0">{element}</div>'


def section(title: str, *blocks: str) -> str:
    """A part of the page with a heading; nothing if it has no content."""
    content = "\n".join(block for block in blocks if block)
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph."""
    return f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{escape(text)}</p>"


def listing(items: Iterable[str]) -> str:
    """A list of sentences."""
    lines = "\n".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>\n{lines}\n</ul>" if lines else ""


def figure(picture: str, caption: str) -> str:
    """A picture with a caption."""
    return f'<figure tabindex="0">{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def details(summary: str, *blocks: str) -> str:
    """Something that opens on a click, without a script."""
    content = "\n".join(block for block in blocks if block)
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>"


def page(title: str, *blocks: str) -> str:
    """A whole page that needs nothing from outside."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    content = "\n".join(block for block in blocks if block)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<style>\n{style}</style>\n</head>\n'
        f"<body>\n{content}\n</body>\n</html>\n"
    )
