"""A real project with the service up that shows its runs: for tests of the pages, and for the docs' pictures."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from ruamel.yaml import YAML

from tests.flows.short_project import SLIMLINE, run, short_project
from tests.servers import free_port

EPOCHS = 60  # long enough for a stage to be shown at work
ENDS = {3, 5}  # held back, or it waits for a person


@dataclass(frozen=True)
class Seen:
    """A project whose service is up."""

    folder: Path
    environment: dict[str, str]
    address: str

    def run_line(self, *changes: str) -> None:
        """Run the line once, with params.yaml changed before."""
        options = [part for change in changes for part in ("--set", change)]
        done = run(self.environment, self.folder, SLIMLINE, "run", *options)
        assert done.returncode in ENDS, done.stdout + done.stderr

    def ask(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        """Ask Prefect's server for things of a kind, the newest first."""
        found: list[dict[str, Any]] = httpx.post(f"{self.address}/api/{what}/filter", json=filters).json()
        return found

    def last_run(self) -> dict[str, Any]:
        """The last run of the line."""
        named = {"flows": {"name": {"any_": ["retrain"]}}, "sort": "START_TIME_DESC", "limit": 1}
        (found,) = self.ask("flow_runs", **named)
        return found

    def artifacts(self) -> dict[str, str]:
        """The newest artifact of each key, by its id."""
        return {each["key"]: each["latest_id"] for each in self.ask("artifacts/latest")}

    def history(self) -> list[dict[str, Any]]:
        """The lines of the history, the newest first."""
        said = run(self.environment, self.folder, SLIMLINE, "history", "--json")
        lines: list[dict[str, Any]] = json.loads(said.stdout)
        return lines

    def form(self, deployment: str) -> str:
        """The path of a deployment's form."""
        (found,) = self.ask("deployments", deployments={"name": {"any_": [deployment]}})
        return f"/deployments/deployment/{found['id']}/run"


@contextmanager
def seen_project(folder: Path, recipes: Mapping[str, Any] | None = None) -> Iterator[Seen]:
    """Make a project in which releases wait for a person, and keep its service up; it has not been run yet.

    Args:
        folder: the project, which is not there yet.
        recipes: by name; by default one.
    """
    environment = short_project(folder, epochs=EPOCHS)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["deployment"]["approval"] = "required"
    params["recipes"] = dict(recipes) if recipes else params["recipes"]
    yaml.dump(params, folder / "params.yaml")
    port = free_port()
    command = [str(SLIMLINE), "up", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("Stop with Ctrl-C." in line for line in process.stderr)
        try:
            yield Seen(folder, environment, f"http://127.0.0.1:{port}")
        finally:
            started = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(60)
            psutil.wait_procs(started, timeout=30)
