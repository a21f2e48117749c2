"""The service as production has it: PostgreSQL by one setting, a login by another, and a database that goes away."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from flows.service.server import trouble
from tests.flows.short_project import SLIMLINE, run, short_project
from tests.postgres import Postgres, missing, postgres
from tests.service import Service, service

pytestmark = pytest.mark.slow  # a server, a database and a worker
LOGIN = "operator:a secret"


@dataclass(frozen=True)
class Production:
    """A project whose service is up, and its database."""

    service: Service
    database: Postgres


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    if reason := missing():
        pytest.skip(reason)
    project = tmp_path_factory.mktemp("production") / "demo"
    environment = {**short_project(project), "PREFECT_API_AUTH_STRING": LOGIN}
    with postgres() as database:
        settings = {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url,
            "PREFECT_SERVER_API_AUTH_STRING": LOGIN,
            "SLIMLINE_SIGNING_KEY": "secret",
        }
        with service(project, environment, **settings) as up:
            yield Production(up, database)


@pytest.fixture
def line(production: Production) -> Service:
    return production.service


def expect_work(line: Service) -> None:
    """Let the worker do something."""
    ended = line.operate("release.retention", "retention")
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]


def test_each_process_has_its_own_secrets_only(production: Production) -> None:
    children = production.service.children()
    server, worker, keeper = (children[name].environ() for name in ("server", "worker", "keeper"))
    assert "SLIMLINE_SIGNING_KEY" not in server
    assert "SLIMLINE_SIGNING_KEY" not in keeper
    assert worker["SLIMLINE_SIGNING_KEY"] == "secret"
    assert server["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == production.database.url
    for client in (worker, keeper):
        assert not [name for name in client if name.startswith("PREFECT_SERVER_DATABASE")]
        assert client["PREFECT_API_AUTH_STRING"] == LOGIN


def test_api_and_commands_want_the_login(line: Service) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{line.address}/api/flow_runs/count")
    without = run({**line.environment, "PREFECT_API_AUTH_STRING": ""}, line.project, SLIMLINE, "status")
    assert without.returncode == 1
    assert "PREFECT_API_AUTH_STRING" in without.stderr
    assert "Traceback" not in without.stderr
    said = line.json("status")
    assert said["server"]["is_ready"]
    assert said["workers"] == 1


def test_the_worker_works_with_postgresql_and_login(line: Service) -> None:
    expect_work(line)
    assert not list(line.project.rglob("prefect.db")), "SQLite was used"


def test_a_database_that_goes_is_told_of_and_the_service_recovers_by_itself(production: Production) -> None:
    line, database = production.service, production.database
    before = line.children()
    database.stop()
    wait_until_trouble(line.address, "its database does not answer")
    said = line.slimline("status")
    assert "its database does not answer" in said
    assert "Traceback" not in said
    database.start()
    wait_until_trouble(line.address, None)
    expect_work(line)
    assert line.children()["server"] == before["server"]
    log = (line.project / ".slimline/service/keeper.log").read_text()
    assert "the keeper is at work" in log
    assert line.process.poll() is None


def wait_until_trouble(address: str, wanted: str | None) -> None:
    deadline = time.monotonic() + 120
    while trouble(address) != wanted:
        assert time.monotonic() < deadline, trouble(address)
        time.sleep(0.2)  # a server tells nobody that it has lost its database


def test_a_run_by_hand_uses_the_same_server(line: Service) -> None:
    before = len(line.runs("retrain"))
    done = run(line.environment, line.project, SLIMLINE, "run")
    assert done.returncode in {0, 3}, done.stderr
    assert len(line.runs("retrain")) == before + 1
    assert not (line.project / ".slimline/service/run-server.log").exists()
