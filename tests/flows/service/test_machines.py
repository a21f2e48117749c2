"""Workers on several machines at one server: missed schedules, and a machine that vanishes with its run."""

import contextlib
import inspect
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.service.deploying import make_deployments
from flows.service.server import is_ready
from tests.flows.short_project import SLIMLINE, short_project
from tests.servers import free_port

pytestmark = pytest.mark.slow  # a server, two workers, and minutes until a machine counts as gone
SCHEDULE = re.compile(r"      - slug: nightly\n.*\n.*\n.*\n")
LIMIT = 120.0  # seconds from a death to the next run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that belongs to no project; gives its address."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    address = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [SLIMLINE, "up", "--server", "--port", str(port)]
    environment = {**plain(), "HOME": str(folder)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: is_ready(address), 300)
        yield address
        process.terminate()


@pytest.fixture
def client(server: str) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: f"{server}/api"}), get_client(sync_client=True) as opened:
        yield opened


def plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}


def wait_until(holds: Callable[[], bool], seconds: float) -> float:
    """Ask again and again, as no server tells; gives the seconds that it took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, inspect.getsource(holds)
        time.sleep(0.5)
    return time.monotonic() - begun


def machine(folder: Path, server: str, schedule: str, **training: int) -> dict[str, str]:
    """Make a project of a machine that uses the server; gives its environment."""
    environment = {**short_project(folder, **training), "PREFECT_API_URL": f"{server}/api"}
    path = folder / "prefect.yaml"
    text, count = SCHEDULE.subn(schedule, path.read_text())
    assert count == 1
    path.write_text(text)
    return environment


@contextlib.contextmanager
def up(folder: Path, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Keep a worker and a keeper up on a machine; at the end everything on it is killed, as when it vanishes."""
    with subprocess.Popen([SLIMLINE, "up"], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any("Stop with Ctrl-C" in line for line in process.stderr)
            yield process
        finally:
            vanish(process.pid)


def deploy(folder: Path, environment: Mapping[str, str]) -> None:
    """Make the deployments, as `slimline up` does."""
    with contextlib.chdir(folder):
        make_deployments({**environment, "SLIMLINE_PROJECT": str(folder)})


def vanish(pid: int) -> None:
    """Kill a process and all that it started, at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)


def runs(client: SyncPrefectClient) -> list[FlowRun]:
    return client.read_flow_runs()


def name(client: SyncPrefectClient, run: UUID) -> str:
    state = client.read_flow_run(run).state
    return str(state.name) if state else ""


def test_of_all_runs_that_were_missed_one_runs_and_the_next_machine_goes_on_when_one_vanishes(
    tmp_path: Path, server: str, client: SyncPrefectClient
) -> None:
    one, two = tmp_path / "one" / "demo", tmp_path / "two" / "demo"
    for folder in (one, two):
        folder.parent.mkdir()
    often = "      - slug: nightly\n        interval: 5\n"
    first, second = (machine(folder, server, often, epochs=epochs) for folder, epochs in ((one, 2_000), (two, 1)))

    # downtime: the clock goes on, and there is no worker
    deploy(one, first)
    wait_until(lambda: sum(run.state_name == "Late" for run in runs(client)) >= 4, 300)
    (deployment,) = [
        each for each in client.read_deployments(deployment_filter=DeploymentFilter()) if each.name == "retrain"
    ]
    (schedule,) = deployment.schedules
    client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    deploy(one, first)
    (schedule,) = client.read_deployment(deployment.id).schedules
    assert not schedule.active, "a schedule that was switched off in the pages is on again"
    missed = [run for run in runs(client) if run.state_name in {"Late", "Scheduled"}]
    assert len(missed) >= 4

    with up(one, first):
        wait_until(lambda: any(run.state_name == "Running" for run in runs(client)), 300)
        wait_until(lambda: sum(run.state_name == "Covered" for run in runs(client)) == len(missed) - 1, 300)
        (holder,) = [run for run in runs(client) if run.state_name == "Running"]
        with up(two, second) as other:
            waiting = client.create_flow_run_from_deployment(deployment.id).id
            wait_until(lambda: name(client, waiting) == "AwaitingConcurrencySlot", 600)
            vanish_with_its_run(one)
            seconds = wait_until(lambda: name(client, holder.id) == "Crashed", 200)
            assert seconds < LIMIT
            wait_until(lambda: name(client, waiting) not in {"AwaitingConcurrencySlot", "Late", "Pending"}, 600)
            assert other.poll() is None
    print(f"crashed after {seconds:.0f} s")


def vanish_with_its_run(folder: Path) -> None:
    """Kill all processes that work in a folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()) == folder:
                process.kill()
