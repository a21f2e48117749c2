import os
import subprocess
from pathlib import Path

import pytest

from tasks.processes import process_group
from tests.processes import ENDLESS, first_line, is_gone, python

STARTS_ANOTHER = (
    "import subprocess, sys, time;"
    f"child = subprocess.Popen([sys.executable, '-c', '{ENDLESS}'], stdout=subprocess.DEVNULL);"
    "print(child.pid, flush=True);"
)


def test_what_a_process_says_and_how_it_ends_is_known(tmp_path: Path) -> None:
    text = "import os, sys; print(os.getcwd(), os.environ['MARK']); sys.exit(7)"
    with process_group(python(text), {**os.environ, "MARK": "x"}, tmp_path) as process:
        said = first_line(process)
    assert said == f"{tmp_path} x"
    assert process.returncode == 7


def test_what_a_process_left_behind_ends_with_the_block() -> None:
    with process_group(python(STARTS_ANOTHER), os.environ) as process:
        child = int(first_line(process))
    assert process.returncode == 0
    assert is_gone(child)


def test_leaving_early_ends_the_process_and_what_it_started() -> None:
    started = []

    def leave() -> None:
        with process_group(python(STARTS_ANOTHER + ENDLESS), os.environ) as process:
            started.extend([process.pid, int(first_line(process))])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert len(started) == 2
    assert all(map(is_gone, started))


def test_a_group_ends_with_the_process_that_started_it() -> None:
    attached = f"from tasks.processes import end_group_with_parent; end_group_with_parent(); {STARTS_ANOTHER}{ENDLESS}"
    starter = (
        "import os, sys; from tasks.processes import process_group\n"
        f"with process_group([sys.executable, '-c', {attached!r}], os.environ) as process:\n"
        "    print(process.pid, process.stdout.readline(), flush=True)\n"
        f"    {ENDLESS}"
    )
    with subprocess.Popen(python(starter), stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(word) for word in first_line(parent).split()]
        parent.kill()
    assert len(pids) == 2
    assert all(map(is_gone, pids))


@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, None])
def test_a_process_that_a_person_started_stays(stdin: int | None) -> None:
    text = "import sys; from tasks.processes import end_group_with_parent; end_group_with_parent(); print('here')"
    done = subprocess.run(python(text), stdin=stdin, capture_output=True, text=True, check=True)
    assert done.stdout == "here\n"


def test_what_an_attached_process_starts_finds_its_input_empty() -> None:
    text = "from tasks.processes import end_group_with_parent; end_group_with_parent(); print(repr(input()))"
    with process_group(python(text), os.environ) as process:
        assert process.stdout is not None
        assert "EOFError" in process.stdout.read()
    assert process.returncode == 1
