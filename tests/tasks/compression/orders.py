"""The table of docs/compression/recipes.md: which technique may follow which.

``python -m tests.tasks.compression.orders`` writes it anew.
"""

import re
from pathlib import Path
from typing import Any

from tasks.compression.recipe import parse_recipe
from tasks.compression.techniques import TECHNIQUES
from tasks.errors import ConfigError
from tests.tasks.compression.cases import CASES, OF_SEQUENCES

PAGE = Path(__file__).parents[3] / "docs/compression/recipes.md"
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
REASONS = {
    "form": "takes a",
    "promise": "keeps the",
    "more zeros": "finds as many zeros",
    "copies": "the copies of a kernel would no longer be alike",
    "once": "the first one has done it",
}


def steps() -> dict[str, dict[str, Any]]:
    """A step of each technique: the first one there is in the cases."""
    found: dict[str, dict[str, Any]] = {}
    for case in [*CASES.values(), *OF_SEQUENCES.values()]:
        for step in case:
            found.setdefault(step["technique"], step)
    if missing := [name for name in TECHNIQUES if name not in found]:
        raise LookupError(f"Expected a case of each technique in cases.py. Received: none of {', '.join(missing)}.")
    return {name: found[name] for name in TECHNIQUES}


def verdict(earlier: dict[str, Any], later: dict[str, Any]) -> str:
    """``yes`` where a step may follow another, else the reason in the words of the page."""
    try:
        parse_recipe("r", [earlier, later])
    except ConfigError as error:
        (reason,) = (name for name, words in REASONS.items() if words in str(error))
        return reason
    return "yes"


def table() -> str:
    """The table as the page has it."""
    every = steps()
    rows = [["", *every], ["---", *("---" for _ in every)]]
    rows += [[name, *(verdict(step, later) for later in every.values())] for name, step in every.items()]
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([lines[0].replace("|  |", "| |"), lines[1].replace(" ", ""), *lines[2:], ""])


def main() -> None:
    """Write the page with the table of today."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(), text, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
