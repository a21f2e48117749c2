"""The tutorial is carried out as it is written, and what it shows comes of it."""

import re
from pathlib import Path

import pytest

from tests.pages import blocks, carry_out

PAGE = Path(__file__).parents[2] / "docs/tutorial/photos.md"
PART = "@@ part"
NUMBER = re.compile(r"[+−-]?\d(?:[\d.,:]*\d)?")
VERDICT = re.compile(r"(?:PASS|FAIL|INCONCLUSIVE) │")


def plain(line: str) -> str:
    """A line without what another machine or day changes: figures, verdicts of candidates, widths of columns."""
    line = VERDICT.sub("VERDICT │", NUMBER.sub("#", line))
    return re.sub(r"[─━]+", "─", re.sub(r"\s+", " ", line)).strip()


def missing(shown: str, said: str, folder: Path) -> list[str]:
    """The lines of a block that the commands did not say, in their order; behind … a line may go on."""
    rest = [plain(line) for line in said.replace(str(folder), "…").splitlines()]
    found = []
    for line in shown.splitlines():
        wanted = plain(line)
        if wanted in ("", "…"):
            continue
        end = wanted.removesuffix("…")
        at = next(
            (n for n, each in enumerate(rest) if each == wanted or (end != wanted and each.startswith(end))), None
        )
        if at is None:
            found.append(line)
        else:
            rest = rest[at + 1 :]
    return found


@pytest.mark.slow
def test_the_tutorial_goes_as_it_says(tmp_path: Path) -> None:
    page = blocks(PAGE.read_text(encoding="utf-8"))
    scripts = [text for kind, text in page if kind == "sh"]
    assert len(scripts) > 5
    script = "".join(f"echo '{PART}'\n{text}" for text in scripts)
    done = carry_out(script, tmp_path)
    said = iter(done.split(f"{PART}\n")[1:])
    current, unsaid = "", []
    for kind, text in page:
        if kind == "sh":
            current = next(said)
        else:
            unsaid += missing(text, current, tmp_path)
    assert unsaid == [], done


def test_lines_are_compared_without_figures_and_widths() -> None:
    said = "a  1.5 %  of /tmp/x/photos\n│ int8 │ PASS │\nlonger than that"
    assert missing("a 22 % of …/photos\n…\n│ int8  │ FAIL │\nlonger …", said, Path("/tmp/x")) == []
    assert missing("│ int8 │ PASS │\na 1 % of …/photos", said, Path("/tmp/x")) == ["a 1 % of …/photos"]
