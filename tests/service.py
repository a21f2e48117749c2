"""The service of a project as a person has it: `slimline up`, its processes, and what its server knows of runs."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.environment import LOGIN
from flows.service.server import is_ready
from tests.browser import Browser
from tests.flows.short_project import SLIMLINE, run
from tests.servers import free_port

BUSY = 10  # answers of a server whose database is locked, until it fails a test
UP = "Stop with Ctrl-C."
SECONDS = 600.0  # that anything may take on a busy machine
OOPS = "Oops. Something went wrong."  # what a page says where the server could not answer
PAUSE = 0.5  # between two questions, where nothing tells
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
FlowRun = dict[str, Any]


@dataclass
class Service:
    """A project whose service is up. ``environment``: of a person; ``log``: what `slimline up` says."""

    project: Path
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]"
    address: str
    log: Path
    read: int = field(default=0)

    def slimline(self, *arguments: str | Path, code: int = 0, **more: str) -> str:
        """Run a command of slimline in the project; gives what it prints."""
        done = run({**self.environment, **more}, self.project, SLIMLINE, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def json(self, *arguments: str | Path) -> Any:
        """Run a command of slimline; gives the JSON that it prints."""
        return json.loads(self.slimline(*arguments, "--json"))

    def runs(self, flow: str) -> list[FlowRun]:
        """Return a flow's runs, the newest first."""
        asked = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_DESC"}
        found: list[FlowRun] = self._send("POST", "flow_runs/filter", **asked)
        return found

    def wait_for_run(self, flow: str, fits: Callable[[FlowRun], bool], seconds: float = SECONDS) -> FlowRun:
        """Wait for a run of a flow that fits; nobody but the server tells of it."""
        deadline, runs = time.monotonic() + seconds, list[FlowRun]()
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):  # the server may be what a test has killed
                runs = self.runs(flow)
            if found := next(filter(fits, runs), None):
                return found
            time.sleep(PAUSE)
        pytest.fail(f"{[(each['state_name'], each['parameters'], each['state']['message']) for each in runs]}")

    def wait_for_end(self, flow: str, run_id: str, seconds: float = SECONDS) -> FlowRun:
        """Wait until a run has come to a last state."""
        return self.wait_for_run(flow, lambda run: run["id"] == run_id and run["state_type"] in FINAL, seconds)

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a deployment as the server knows it."""
        return self.deployments()[name]

    def deployments(self) -> dict[str, dict[str, Any]]:
        """Return the deployments by their names."""
        return {each["name"]: each for each in self._send("POST", "deployments/filter")}

    def form(self, deployment: str) -> str:
        """Return the address of the page on which a run of a deployment is asked for."""
        return f"{self.address}/deployments/deployment/{self.deployment(deployment)['id']}/run"

    def fill_form(self, page: Browser, deployment: str, choices: Mapping[str, str], **texts: str) -> FlowRun:
        """Ask for a run of a deployment by its form in a browser, as a person does; gives the run, which is planned."""
        page.visit(self.form(deployment), "Submit")
        for label, choice in choices.items():
            page.choose(label, choice)
        for label, text in texts.items():
            page.fill(label, text)
        page.press("Submit")
        while OOPS in page.wait_for(f"{len(choices) + len(texts)} Parameters", OOPS):
            page.press("Close")  # a server on a busy machine may lack its database for a moment
            page.press("Submit")
        asked = {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_DESC"}
        runs: list[FlowRun] = self._send("POST", "flow_runs/filter", **asked)
        return runs[0]

    def page_of(self, run: FlowRun) -> str:
        """Return the address of a run's page."""
        return f"{self.address}/runs/flow-run/{run['id']}"

    def start(self, deployment: str, **parameters: object) -> str:
        """Ask for a run of a deployment, as its page does; gives the run."""
        path = f"deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return str(self._send("POST", path, parameters=parameters)["id"])

    def operate(self, flow: str, deployment: str) -> FlowRun:
        """Start a run of a deployment and wait for its end."""
        return self.wait_for_end(flow, self.start(deployment))

    def switch(self, deployment: str, active: bool) -> None:
        """Switch the schedule of a deployment on or off, as its page does."""
        found = self.deployment(deployment)
        (schedule,) = found["schedules"]
        self._send("PATCH", f"deployments/{found['id']}/schedules/{schedule['id']}", active=active)

    def _send(self, method: str, path: str, **values: object) -> Any:
        """Ask the server, with the login that the environment has; again where it is busy, as Prefect's client does."""
        login = self.environment.get(LOGIN)
        auth = httpx.BasicAuth(*login.split(":", 1)) if login else None
        for _ in range(BUSY):
            reply = httpx.request(method, f"{self.address}/api/{path}", json=values, auth=auth, timeout=60)
            if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(float(reply.headers.get("Retry-After", 1)))  # its database is locked, and it says for how long
        return reply.raise_for_status().json() if reply.content else None

    def children(self) -> dict[str, psutil.Process]:
        """Return the processes that are kept up: server, worker, keeper."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                command = child.cmdline()
                found["keeper" if command[-1].endswith("keeper") else command[4]] = child
        return found

    def wait_for(self, text: str) -> None:
        """Read what `slimline up` says, from where it was read to, up to a text."""
        deadline = time.monotonic() + SECONDS
        while (at := self.log.read_text().find(text, self.read)) < 0:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(PAUSE)
        self.read = at + len(text)

    def wait_until_ready(self) -> None:
        """Wait until the server answers and has its database."""
        deadline = time.monotonic() + SECONDS
        while not is_ready(self.address):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(PAUSE)


@contextlib.contextmanager
def service(project: Path, environment: Mapping[str, str], *options: str, **more: str) -> Iterator[Service]:
    """Keep the service of a project up; at the end it is stopped, and nothing of it is left.

    Args:
        project: its folder.
        environment: of commands in the project, which finds the service by itself.
        options: of `slimline up`.
        more: variables that the service alone has.
    """
    port, log = free_port(), project.with_name(f"{project.name}.up.log")
    command: list[str | Path] = [SLIMLINE, "up", "--port", str(port), *options]
    given = {**environment, **more}
    with log.open("wb") as said, subprocess.Popen(command, cwd=project, env=given, stderr=said) as process:
        made = Service(project, environment, process, f"http://127.0.0.1:{port}", log)
        try:
            made.wait_for(UP)
            yield made
        finally:
            started = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            process.wait(60)
            _, left = psutil.wait_procs(started, timeout=30)
        assert process.returncode == 128 + signal.SIGTERM, log.read_text()
        assert left == []
        assert not is_ready(made.address)
