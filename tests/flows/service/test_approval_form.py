"""The form of the deployment `approve` in a real browser: filled in, sent, and the release is in production."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from ruamel.yaml import YAML

from tasks.deployment.releases.publishing import publish
from tests.browser import Browser, browser
from tests.servers import free_port
from tests.tasks.deployment.project import params_for, write_project

pytestmark = pytest.mark.slow  # a server, a worker and a browser take a minute
BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the service of a project answers whose release 1 waits in staging for a person."""
    monkeypatch.chdir(tmp_path)
    params = params_for("file://.slimline/store")
    params = params.model_copy(update={"deployment": params.deployment.model_copy(update={"approval": "required"})})
    write_project(params)
    publish(params)
    with Path("params.yaml").open("w") as file:
        YAML().dump(params.model_dump(mode="json"), file)
    shutil.copy(REPOSITORY / "prefect.yaml", tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    port = free_port()
    command: list[str | Path] = [BIN / "slimline", "up", "--port", str(port)]
    told = environment | {"HOME": str(tmp_path)}
    with subprocess.Popen(command, env=told, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("Stop with Ctrl-C." in line for line in process.stderr)
        yield f"http://127.0.0.1:{port}"
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(60)
        psutil.wait_procs(started, timeout=30)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "browser") as opened:
        yield opened


def test_a_release_is_approved_in_the_browser(address: str, page: Browser) -> None:
    named = {"deployments": {"name": {"any_": ["approve"]}}}
    (form,) = httpx.post(f"{address}/api/deployments/filter", json=named).json()
    shown = page.visit(f"{address}/deployments/deployment/{form['id']}/run", "Submit")
    for words in ("MODEL@VERSION, as digits@3, that waits in staging.", "It is what you type, and proves nothing."):
        assert words in page.wait_for(words), shown
    page.fill("release", "shades@1")
    page.choose("decision", "approve")
    page.fill("name", "Ann")
    page.fill("reason", "looked at it")
    page.press("Submit")
    page.wait_for("release.approve")
    page.wait_for("4 Parameters")
    (run,) = httpx.post(f"{address}/api/flow_runs/filter", json=named).json()
    shown = page.visit(f"{address}/runs/flow-run/{run['id']}", "Approved")
    assert "approve shades@1" in shown
    said = subprocess.run([BIN / "slimline", "audit", "--json"], check=True, capture_output=True, text=True).stdout
    (move,) = json.loads(said)
    assert (move["version"], move["reason"]) == (1, "looked at it")
    assert move["moved_by"].startswith("Ann (a form, run ")
    hosts = {urlsplit(url).hostname for url in page.asked if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {"127.0.0.1"}
