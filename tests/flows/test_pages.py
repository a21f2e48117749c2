"""The operator's pages in a real browser."""

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, browser
from tests.servers import free_port

RUN = """
from flows import environment
environment.prepare()
from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

@flow(name="retrain", flow_run_name="digits, by hand")
def retrain():
    artifact = create_table_artifact([{"candidate": "balanced", "stored": "12,345 bytes"}], key="candidates")
    return f"{flow_run.id} {artifact}"

print(retrain())
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with its own pages' database, and nothing set in its environment."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def environment(project: Path) -> dict[str, str]:
    left = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**left, "HOME": str(project), "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(scope="module")
def address(project: Path, environment: dict[str, str]) -> Iterator[str]:
    """Where `slimline ui` serves its pages."""
    port = free_port()
    command: list[str | Path] = [Path(sys.executable).parent / "slimline", "ui", "--port", str(port)]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}"
        while not is_ready(url):
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"The server ended with {server.wait(0.2)}.")
        yield url
        server.terminate()


def is_ready(url: str) -> bool:
    """Whether a server answers, and has its database."""
    try:
        with urllib.request.urlopen(f"{url}/api/ready", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def run(project: Path, environment: dict[str, str], address: str) -> tuple[str, str]:
    """The IDs of a run and of its artifact."""
    own = {**environment, "PREFECT_API_URL": f"{address}/api"}
    (project / "retrain.py").write_text(RUN, encoding="utf-8")
    command = [sys.executable, "retrain.py"]
    done = subprocess.run(command, cwd=project, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    name, artifact = done.stdout.split()
    return name, artifact


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "browser") as opened:
        yield opened


def test_no_page_asks_another_host(page: Browser, address: str, run: tuple[str, str]) -> None:
    name, artifact = run
    for path, text in {
        "": "Dashboard",
        "/dashboard": "Flow Runs",
        "/runs": "digits, by hand",
        f"/runs/flow-run/{name}": "Completed",
        "/flows": "retrain",
        "/deployments": "Deployments",
        "/artifacts": "candidates",
        "/artifacts/key/candidates": "Created candidates",
        f"/artifacts/artifact/{artifact}": "12,345 bytes",
        "/work-pools": "Work pools",
        "/automations": "Automations",
        "/events": "Event",
        "/settings": "Settings",
    }.items():
        page.visit(f"{address}{path}", text)
    hosts = {urlsplit(url).hostname for url in page.asked if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {"127.0.0.1"}
