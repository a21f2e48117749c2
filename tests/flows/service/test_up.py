"""`slimline up`: its pages in a real browser, its worker, and what becomes of it when processes die."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, browser
from tests.flows.short_project import SLIMLINE, new_project, run
from tests.service import PAUSE, Service, service

pytestmark = pytest.mark.slow  # a server, a worker and a browser take a minute
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
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    project = tmp_path_factory.mktemp("up") / "demo"
    with service(project, new_project(project), SLIMLINE_SIGNING_KEY="secret") as up:
        yield up


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "browser") as opened:
        yield opened


def test_a_second_call_says_that_it_is_up(line: Service) -> None:
    again = run(line.environment, line.project, SLIMLINE, "up")
    assert f"It is up already, {line.address}" in again.stderr


def test_the_server_has_not_the_private_key_and_the_worker_has(line: Service) -> None:
    assert "SLIMLINE_SIGNING_KEY" not in line.children()["server"].environ()
    assert line.children()["worker"].environ()["SLIMLINE_SIGNING_KEY"] == "secret"


def test_no_page_asks_another_host(page: Browser, line: Service) -> None:
    (line.project / "line.py").write_text(RUN, encoding="utf-8")
    done = run(line.environment, line.project, sys.executable, "line.py")
    made, artifact = done.stdout.split()
    for path, text in {
        "": "Dashboard",
        "/dashboard": "Flow Runs",
        "/runs": "digits, by hand",
        f"/runs/flow-run/{made}": "Completed",
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
        page.visit(f"{line.address}{path}", text)
    hosts = {urlsplit(url).hostname for url in page.asked if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}
    assert hosts == {"127.0.0.1"}


def test_a_server_whose_database_is_deleted_is_started_with_a_new_one(line: Service) -> None:
    database = line.project / ".slimline/prefect/prefect.db"
    database.unlink()
    line.wait_for("prefect.db is gone or another one")
    line.wait_until_ready()
    while "retrain" not in line.deployments():  # they are made anew after the server is ready
        time.sleep(PAUSE)
    assert database.exists()


def test_what_dies_is_started_again_and_works(line: Service) -> None:
    for name in ("worker", "server"):
        line.children()[name].kill()
        line.wait_for(f"The {name} has ended; it is started again.")
    line.wait_until_ready()
    ended = line.operate("release.retention", "retention")
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    said = line.json("status")
    assert said["server"] == {"address": line.address, "is_ready": True}
    assert said["workers"] >= 1
    assert said["released"] is None
    assert said["waiting"] is None
