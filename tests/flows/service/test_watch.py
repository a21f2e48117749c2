"""Data dropped into a watched S3 prefix begins a run by itself; a new class waits until a person lets it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.s3.connection import connect
from tests.flows.short_project import new_project, set_schedule
from tests.servers import ANYBODY
from tests.service import Service, service
from tests.tasks.data_loading.material import tree

pytestmark = pytest.mark.slow  # a server, a worker and a run of the line take minutes
CHANGES = (
    "data.source=s3://pets/batches",
    "training.epochs=1",
    "teachers={}",
    "recipes={float16: [{technique: quantize, mode: float16}]}",
    "benchmark={processes: 2, rounds: 10, seconds: 5}",
    "watch.quiet=2",
)


def put(files: dict[str, bytes]) -> None:
    client = connect()
    for name, content in files.items():
        client.put_object(Bucket="pets", Key=f"batches/{name}", Body=content)


@pytest.fixture
def project(tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    for name, value in {**ANYBODY, "AWS_ENDPOINT_URL": s3_endpoint, "AWS_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    connect().create_bucket(Bucket="pets")
    put(tree(("cat", "dog"), 40))
    environment = new_project(tmp_path / "pets", *CHANGES)
    set_schedule(tmp_path / "pets", "watch", interval=15, active=True)
    with service(tmp_path / "pets", environment) as up:
        yield up


def test_new_data_begins_a_run_and_a_new_class_waits_for_a_person(project: Service) -> None:
    first = project.wait_for_run("retrain", lambda run: run["parameters"].get("cause", {}).get("data") is not None)
    assert first["parameters"]["cause"]["sentence"] == "80 files added."
    ended = project.wait_for_end("retrain", first["id"])
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    project.wait_for_run("watch", lambda run: run["state_name"] == "Unchanged")
    put(tree(("bird",), 30, first=5000))
    waits = project.wait_for_run("watch", lambda run: run["state_name"] == "AwaitingConsent")
    assert "A class is new: bird." in waits["state"]["message"]
    digests = {run["parameters"]["cause"]["data"] for run in project.runs("retrain")}
    assert digests == {first["parameters"]["cause"]["data"]}
    digest = project.json("status")["waiting_data"]["digest"]
    project.slimline("approve", "pets", "--data", digest, "--reason", "birds")
    second = project.wait_for_run("retrain", lambda run: run["parameters"]["cause"]["data"] == digest)
    assert second["parameters"]["cause"]["sentence"].startswith("30 files added. New: bird.")
