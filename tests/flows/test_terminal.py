import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.processes import ENDLESS, first_line, is_gone

STARTS = f"""
import os, sys, tempfile
from flows.terminal import ended_by_sigterm
from tasks.processes import process_group

with (
    ended_by_sigterm(),
    tempfile.TemporaryDirectory() as folder,
    process_group([sys.executable, "-c", "{ENDLESS}"], os.environ) as process,
):
    print(process.pid, folder, flush=True)
    process.stdout.read()
"""


def test_sigterm_ends_what_was_started_and_takes_folders_away() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        child, folder = first_line(process).split()
        assert Path(folder).is_dir()
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert is_gone(int(child))
    assert not Path(folder).exists()
