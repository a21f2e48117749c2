"""A disk that is really full: a small file system in memory, filled before a run and in its middle."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.line.workspace import LEAST_ROOM
from tests.flows.short_project import SLIMLINE, run, short_project

pytestmark = pytest.mark.slow  # a server and TensorFlow start
SIZE = 96 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of :data:`SIZE` bytes, where the machine allows it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> None:
    """Take all the room there is."""
    with (disk / "fill").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free)


def test_no_run_begins_where_its_record_has_no_room(disk: Path) -> None:
    environment = short_project(disk / "demo")
    fill(disk)
    done = run(environment, disk / "demo", SLIMLINE, "run")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert f"Expected {LEAST_ROOM >> 20} MiB of room on the disk of {disk / 'demo'}. Received: 0 MiB" in line


def test_a_disk_that_fills_in_the_middle_is_named_and_the_next_run_goes_on(disk: Path) -> None:
    project = disk / "demo"
    environment = short_project(project)
    said = []
    with subprocess.Popen(
        [SLIMLINE, "run"], cwd=project, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "Running stage 'train'" in line:
                fill(disk)
    text = "".join(said)
    assert process.returncode == 1, text
    assert "room on the disk" in text or "are free on the disk" in text, text
    assert "Traceback" not in text
    (disk / "fill").unlink()
    done = run(environment, project, SLIMLINE, "run")
    assert done.returncode in {0, 3}, done.stderr
