"""All tests in parts, one after the other or on several machines: each file in one of them."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

SLOW = "pytest.mark.slow"


def part_and_parts(text: str) -> tuple[int, int]:
    """Read ``2/6``, the second of six parts."""
    read = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text, re.ASCII)
    if not read or int(read[1]) > int(read[2]):
        raise argparse.ArgumentTypeError(f"expected a part and how many there are, as 2/6. Received: {text!r}")
    return int(read[1]), int(read[2])


def files_of(part: int, parts: int, files: Sequence[Path]) -> set[Path]:
    """Return which of the files are in a part.

    They are dealt out as cards, the files with long tests first, so that each part has its share of both. That depends
    on nothing but the names of the files and which of them have long tests.
    """
    ordered = sorted(files, key=lambda path: (SLOW not in path.read_text(), path))
    return set(ordered[part - 1 :: parts])
