"""Data dropped into a watched S3 prefix begins a run by itself; a new class waits until a person lets it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from tasks.s3.connection import connect
from tests.servers import ANYBODY, free_port
from tests.tasks.data_loading.material import tree

pytestmark = pytest.mark.slow  # a server, a worker and a run of the line take minutes
BIN = Path(sys.executable).parent
SECONDS = 540.0  # that anything may take on a busy machine
CHANGES = (
    "data.source=s3://pets/batches",
    "training.epochs=1",
    "teachers={}",
    "recipes={float16: [{technique: quantize, mode: float16}]}",
    "benchmark={processes: 2, rounds: 10, seconds: 5}",
    "watch.quiet=2",
)


@dataclass
class Project:
    """A project whose service is up and whose watch looks every few seconds."""

    folder: Path
    environment: dict[str, str]
    address: str

    def runs(self, flow: str) -> list[dict[str, Any]]:
        asked = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_DESC"}
        reply = httpx.post(f"{self.address}/api/flow_runs/filter", json=asked, timeout=60)
        found: list[dict[str, Any]] = reply.raise_for_status().json()
        return found

    def wait(self, flow: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a run that fits; nothing tells of it but the server."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            runs = self.runs(flow)
            if found := next(filter(fits, runs), None):
                return found
            time.sleep(1)
        pytest.fail(f"{[(run['state_name'], run['parameters'], run['state']['message']) for run in runs]}")


def put(files: dict[str, bytes]) -> None:
    client = connect()
    for name, content in files.items():
        client.put_object(Bucket="pets", Key=f"batches/{name}", Body=content)


@pytest.fixture
def project(tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for name, value in {**ANYBODY, "AWS_ENDPOINT_URL": s3_endpoint, "AWS_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    connect().create_bucket(Bucket="pets")
    put(tree(("cat", "dog"), 40))
    folder, port = tmp_path / "pets", free_port()
    left = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**left, "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run([BIN / "slimline", "new", folder], env=environment, check=True, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        from tasks.versioning.params_file import set_params

        set_params(CHANGES)
    deployments = YAML().load(folder / "prefect.yaml")
    (watch,) = (each for each in deployments["deployments"] if each["name"] == "watch")
    watch["schedules"] = [{"interval": 15, "active": True}]
    YAML().dump(deployments, folder / "prefect.yaml")
    command: list[str | Path] = [BIN / "slimline", "up", "--port", str(port)]
    log = tmp_path / "up.log"
    with log.open("w") as said, subprocess.Popen(command, cwd=folder, env=environment, stderr=said) as process:
        deadline = time.monotonic() + SECONDS
        while "Stop with Ctrl-C." not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        assert "Stop with Ctrl-C." in log.read_text()
        try:
            yield Project(folder, environment, f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(60)


def test_new_data_begins_a_run_and_a_new_class_waits_for_a_person(project: Project) -> None:
    first = project.wait("retrain", lambda run: run["parameters"].get("cause", {}).get("data") is not None)
    assert first["parameters"]["cause"]["sentence"] == "80 files added."
    ended = project.wait("retrain", lambda run: run["id"] == first["id"] and run["end_time"] is not None)
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    project.wait("watch", lambda run: run["state_name"] == "Unchanged")
    put(tree(("bird",), 30, first=5000))
    waits = project.wait("watch", lambda run: run["state_name"] == "AwaitingConsent")
    assert "A class is new: bird." in waits["state"]["message"]
    digests = {run["parameters"]["cause"]["data"] for run in project.runs("retrain")}
    assert digests == {first["parameters"]["cause"]["data"]}
    said = subprocess.run(
        [BIN / "slimline", "status", "--json"],
        cwd=project.folder,
        env=project.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    digest = YAML(typ="safe").load(said)["waiting_data"]["digest"]
    approve = [BIN / "slimline", "approve", "pets", "--data", digest, "--reason", "birds"]
    subprocess.run(approve, cwd=project.folder, env=project.environment, check=True, capture_output=True)
    second = project.wait("retrain", lambda run: run["parameters"]["cause"]["data"] == digest)
    assert second["parameters"]["cause"]["sentence"].startswith("30 files added. New: bird.")
