"""`slimline up`: its pages in a real browser, its worker, and what becomes of it when processes die."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from flows.service.server import is_ready
from tests.browser import Browser, browser
from tests.servers import free_port

pytestmark = pytest.mark.slow  # a server, a worker and a browser take a minute
BIN = Path(sys.executable).parent
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
UP = "Stop with Ctrl-C."


@dataclass
class Service:
    """A project whose service is up."""

    project: Path
    environment: dict[str, str]
    process: "subprocess.Popen[str]"
    address: str

    def call(self, *command: str | Path) -> str:
        """Run a command in the project."""
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.call(BIN / "slimline", "status", "--json"))
        return said

    def child(self, name: str) -> psutil.Process:
        """The process that runs `prefect NAME start`."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if child.cmdline()[4:6] == [name, "start"])

    def wait_for(self, text: str) -> None:
        """Read what it says up to a line that has the text."""
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if text in line:
                return
        pytest.fail("".join(said))

    def wait_until_ready(self) -> None:
        while not is_ready(self.address):
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"It ended with {self.process.wait(0.2)}.")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    project = tmp_path_factory.mktemp("up") / "demo"
    left = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    told = {"HOME": str(project.parent), "SLIMLINE_SIGNING_KEY": "secret", "GIT_CONFIG_GLOBAL": os.devnull}
    environment = {**left, **told}
    subprocess.run([BIN / "slimline", "new", project], env=environment, check=True, capture_output=True)
    port = free_port()
    command: list[str | Path] = [BIN / "slimline", "up", "--port", str(port)]
    with subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True) as process:
        service = Service(project, environment, process, f"http://127.0.0.1:{port}")
        service.wait_for(UP)
        yield service
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(60)
        psutil.wait_procs(started, timeout=30)
        assert [each for each in started if each.is_running()] == []
        assert not is_ready(service.address)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "browser") as opened:
        yield opened


def test_a_second_call_says_that_it_is_up(service: Service) -> None:
    assert f"It is up already, {service.address}" in service.call(BIN / "slimline", "up")


def test_the_server_has_not_the_private_key_and_the_worker_has(service: Service) -> None:
    assert "SLIMLINE_SIGNING_KEY" not in service.child("server").environ()
    assert service.child("worker").environ()["SLIMLINE_SIGNING_KEY"] == "secret"


def test_no_page_asks_another_host(page: Browser, service: Service) -> None:
    (service.project / "line.py").write_text(RUN, encoding="utf-8")
    run, artifact = service.call(sys.executable, "line.py").split()
    for path, text in {
        "": "Dashboard",
        "/dashboard": "Flow Runs",
        "/runs": "digits, by hand",
        f"/runs/flow-run/{run}": "Completed",
        "/flows": "retrain",
        "/deployments": "retrain",
        "/artifacts": "candidates",
        "/artifacts/key/candidates": "Created candidates",
        f"/artifacts/artifact/{artifact}": "12,345 bytes",
        "/work-pools": "line",
        "/automations": "Automations",
        "/events": "Event",
        "/settings": "Settings",
    }.items():
        page.visit(f"{service.address}{path}", text)
    hosts = {urlsplit(url).hostname for url in page.asked if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {"127.0.0.1"}


def test_a_server_whose_database_is_deleted_is_started_with_a_new_one(service: Service) -> None:
    database = service.project / ".slimline/prefect/prefect.db"
    database.unlink()
    service.wait_for("prefect.db is gone or another one")
    service.wait_until_ready()
    listed: list[str | Path] = [BIN / "prefect", "deployment", "ls"]
    api = {**service.environment, "PREFECT_API_URL": f"{service.address}/api"}
    said = ""
    while "retrain/retrain" not in said:  # they are made anew after the server is ready
        said = subprocess.run(listed, env=api, capture_output=True, text=True, check=False).stdout
    assert database.exists()


def test_what_dies_is_started_again_and_works(service: Service) -> None:
    for name in ("worker", "server"):
        service.child(name).kill()
        service.wait_for(f"The {name} has ended; it is started again.")
    service.wait_until_ready()
    api = {**service.environment, "PREFECT_API_URL": f"{service.address}/api"}
    done = subprocess.run(
        [BIN / "prefect", "deployment", "run", "release.retention/retention", "--watch"],
        cwd=service.project,
        env=api,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Completed" in done.stdout, done.stdout + done.stderr
    said = service.status()
    assert said["server"] == {"address": service.address, "is_ready": True}
    assert said["workers"] >= 1
    assert said["released"] is None
    assert said["waiting"] is None
