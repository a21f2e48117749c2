"""The server that a run has: one that is named, which must answer, or one of its own, of which nothing stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.service.commands import ServiceError
from flows.service.run_server import server_at_hand
from flows.service.server import free_port
from tests.processes import python

HOLD = """
import os
from prefect.settings import get_current_settings
from flows.service.run_server import server_at_hand
from flows.service.server import is_ready

def tell():
    print(f"named {get_current_settings().api.url == api}, up {is_ready(api.removesuffix('/api'))}")

with server_at_hand():
    api = os.environ["PREFECT_API_URL"]
    tell()
tell()
"""


def test_a_server_that_is_named_and_does_not_answer_is_said_before_any_work() -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        temporary_settings({PREFECT_API_URL: f"http://ann:secret@{address}/api"}),
        pytest.raises(ServiceError, match="Connection refused") as caught,
        server_at_hand(),
    ):
        raise AssertionError("no work is to begin")
    assert f"http://{address}/api" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_of_a_run_s_own_server_nothing_stays(tmp_path: Path, prefect_database: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    environment["PREFECT_HOME"] = str(tmp_path / "prefect")
    (tmp_path / "prefect").mkdir()
    shutil.copy(prefect_database, tmp_path / "prefect" / "prefect.db")
    done = subprocess.run(python(HOLD), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["named True, up True", "named False, up False"], done.stderr
