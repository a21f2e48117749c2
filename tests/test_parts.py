"""All tests can be run in parts."""

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.parts import SLOW, files_of, part_and_parts

TESTS = Path(__file__).parent
FEW = TESTS / "tasks" / "statistics"


def collected(part: str) -> set[str]:
    """The files of a folder that pytest takes in a part."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-m",
        "slow or not slow",
        "--part",
        part,
        str(FEW),
    ]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=True)
    return {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}


@pytest.mark.parametrize("parts", [1, 2, 6, 50])
def test_each_file_is_in_one_part_and_each_part_has_its_share(parts: int) -> None:
    files = set(TESTS.rglob("test_*.py"))
    long = {path for path in files if SLOW in path.read_text()}
    shares = [files_of(part, parts, sorted(files)) for part in range(1, parts + 1)]
    assert Counter(path for share in shares for path in share) == Counter(files)
    for kind in (files, long):
        sizes = [len(share & kind) for share in shares]
        assert max(sizes) - min(sizes) <= 1


def test_the_order_in_which_files_are_found_changes_nothing() -> None:
    files = list(TESTS.rglob("test_*.py"))
    assert files_of(2, 6, files) == files_of(2, 6, files[::-1])


def test_pytest_takes_the_files_of_the_part_and_no_others() -> None:
    taken = [collected("1/2"), collected("2/2")]
    everything = {str(path.relative_to(TESTS.parent)) for path in FEW.rglob("test_*.py")}
    assert all(taken)
    assert Counter(name for share in taken for name in share) == Counter(everything)


@pytest.mark.parametrize("text", ["", "2", "0/6", "7/6", "1/0", "-1/6", "1/2/3", "a/b", "1 / 2", "²/6"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="as 2/6"):
        part_and_parts(text)


def test_a_part_is_read() -> None:
    assert part_and_parts("2/6") == (2, 6)
    assert part_and_parts("12/12") == (12, 12)
