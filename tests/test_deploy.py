"""The units and the compose file of `deploy/`: each is read by its own tool where that is here; secrets stay apart."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.cli.app import app
from tasks.versioning.environment import WITHHELD

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SLIMLINE = Path(sys.executable).with_name("slimline")
OF_THE_WORKER = (*WITHHELD, "AWS_SECRET_ACCESS_KEY")


def compose() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose/compose.yaml").read_text(encoding="utf-8"))
    return read


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@photos")
    copy.write_text(unit.read_text().replace("/opt/slimline/bin/slimline", str(SLIMLINE)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_unit_or_container_of_the_server_has_a_secret_of_the_worker() -> None:
    services = compose()["services"]
    servers = (
        (DEPLOY / "systemd/server.env").read_text(),
        (DEPLOY / "systemd/slimline-server.service").read_text(),
        str(services["server"]),
        str(services["database"]),
    )
    for text in servers:
        assert not [name for name in OF_THE_WORKER if name in text]
        assert "worker.env" not in text
    assert services["worker"]["env_file"] == "worker.env"
    assert not [name for name in services["worker"]["environment"] if "DATABASE" in name]


def test_each_deployment_has_a_name_of_its_own() -> None:
    read = YAML(typ="safe").load((DEPLOY.parent / "prefect.yaml").read_text(encoding="utf-8"))
    names = [each["name"] for each in read["deployments"]]
    assert sorted(names) == sorted(set(names))


def test_what_is_asked_of_the_person_is_in_the_example() -> None:
    text = (DEPLOY / "compose/compose.yaml").read_text(encoding="utf-8")
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    given = re.findall(r"(?m)^(\w+)=", (DEPLOY / "compose/example.env").read_text(encoding="utf-8"))
    assert needed == set(given)
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= needed


def test_others_reach_nothing_but_through_this_machine() -> None:
    services = compose()["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_commands_are_slimlines() -> None:
    services = compose()["services"]
    lines = [services[name]["command"] for name in ("server", "worker")]
    for unit in UNITS:
        (line,) = re.findall(r"(?m)^ExecStart=(\S+) (.*)$", unit.read_text())
        lines.append(["slimline", *line[1].split()])
    for command in lines:
        assert command[0] == "slimline"
        assert app.parse_args(command[1:], exit_on_error=False, print_error=False)[0].__name__ == "up"
