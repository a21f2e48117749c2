"""The service as production has it: PostgreSQL by one setting, a login by another, and a database that goes away."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flows.service.server import trouble
from tests.flows.short_project import SLIMLINE, run, short_project
from tests.postgres import Postgres, missing, postgres
from tests.servers import free_port

pytestmark = pytest.mark.slow  # a server, a database and a worker
LOGIN = "operator:a secret"
PREFECT = Path(sys.executable).with_name("prefect")


@dataclass
class Service:
    """A project whose service is up; ``environment``: of a person who knows the login."""

    project: Path
    environment: dict[str, str]
    process: "subprocess.Popen[str]"
    address: str
    database: Postgres

    def slimline(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return run({**self.environment, **more}, self.project, SLIMLINE, *arguments)

    def operate(self, deployment: str) -> str:
        """Start a deployment and wait for its end."""
        api = {**self.environment, "PREFECT_API_URL": f"{self.address}/api"}
        done = run(api, self.project, PREFECT, "deployment", "run", deployment, "--watch")
        return done.stdout + done.stderr

    def children(self) -> dict[str, psutil.Process]:
        started = psutil.Process(self.process.pid).children()
        return {child.cmdline()[4] if len(child.cmdline()) > 4 else "keeper": child for child in started}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if reason := missing():
        pytest.skip(reason)
    project = tmp_path_factory.mktemp("production") / "demo"
    environment = {**short_project(project), "PREFECT_API_AUTH_STRING": LOGIN}
    port = free_port()
    with postgres() as database:
        settings = {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url,
            "PREFECT_SERVER_API_AUTH_STRING": LOGIN,
            "SLIMLINE_SIGNING_KEY": "secret",
        }
        command: list[str | Path] = [SLIMLINE, "up", "--port", str(port)]
        given = {**environment, **settings}
        with subprocess.Popen(command, cwd=project, env=given, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if "Stop with Ctrl-C" in line:
                    break
            assert process.poll() is None, "".join(said)
            yield Service(project, environment, process, f"http://127.0.0.1:{port}", database)
            tree = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            assert process.wait(30) == 143
            _, alive = psutil.wait_procs(tree, timeout=10)
            assert alive == []


def test_each_process_has_its_own_secrets_only(service: Service) -> None:
    server, worker, keeper = (service.children()[name].environ() for name in ("server", "worker", "keeper"))
    assert "SLIMLINE_SIGNING_KEY" not in server
    assert "SLIMLINE_SIGNING_KEY" not in keeper
    assert worker["SLIMLINE_SIGNING_KEY"] == "secret"
    assert server["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == service.database.url
    for client in (worker, keeper):
        assert not [name for name in client if name.startswith("PREFECT_SERVER_DATABASE")]
        assert client["PREFECT_API_AUTH_STRING"] == LOGIN


def test_api_and_commands_want_the_login(service: Service) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{service.address}/api/flow_runs/count")
    without = service.slimline("status", PREFECT_API_AUTH_STRING="")
    assert without.returncode == 1
    assert "PREFECT_API_AUTH_STRING" in without.stderr
    assert "Traceback" not in without.stderr
    said = json.loads(service.slimline("status", "--json").stdout)
    assert said["server"]["is_ready"]
    assert said["workers"] == 1


def test_the_worker_works_with_postgresql_and_login(service: Service) -> None:
    assert "Completed" in service.operate("release.retention/retention")
    assert not list(service.project.rglob("prefect.db")), "SQLite was used"


def test_a_database_that_goes_is_told_of_and_the_service_recovers_by_itself(service: Service) -> None:
    before = service.children()
    service.database.stop()
    wait_until_trouble(service.address, "its database does not answer")
    said = service.slimline("status")
    assert said.returncode == 0
    assert "its database does not answer" in said.stdout
    assert "Traceback" not in said.stdout + said.stderr
    service.database.start()
    wait_until_trouble(service.address, None)
    assert "Completed" in service.operate("release.retention/retention")
    assert service.children()["server"] == before["server"]
    log = (service.project / ".slimline/service/keeper.log").read_text()
    assert "the keeper is at work" in log
    assert service.process.poll() is None


def wait_until_trouble(address: str, wanted: str | None) -> None:
    deadline = time.monotonic() + 120
    while trouble(address) != wanted:
        assert time.monotonic() < deadline, trouble(address)
        time.sleep(0.2)  # a server tells nobody that it has lost its database


def test_a_run_by_hand_uses_the_same_server(service: Service) -> None:
    done = service.slimline("run")
    assert done.returncode in {0, 3}, done.stderr
    recent = run(
        {**service.environment, "PREFECT_API_URL": f"{service.address}/api", "COLUMNS": "250"},
        service.project,
        PREFECT,
        "flow-run",
        "ls",
        "--flow-name",
        "retrain",
    )
    assert "retrain" in recent.stdout
    assert not (service.project / ".slimline/service/run-server.log").exists()
