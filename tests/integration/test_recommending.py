"""The line on ratings, as a user has them: made, asked on a device, retrained, taken back, made again."""

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.data_loading.sources.planted import USERS, choices

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow


def run(folder: Path, *command: str, code: int = 0) -> str:
    program = str(BIN / "slimline") if command[0] == "slimline" else command[0]
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def write_rows(path: Path, users: Iterable[int], renamed: dict[int, str]) -> None:
    """Write what users choose by planted factors, some of the items under other names."""
    chosen = choices()
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id,item_id,timestamp\n")
        for user in users:
            for place, item in enumerate(chosen[user].tolist()):
                file.write(f"u{user},{renamed.get(item, f'i{item}')},{60 * place + user}\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of ratings that has released once."""
    root = tmp_path_factory.mktemp("ratings")
    run(root, "slimline", "new", "shop", "--workload", "ratings")
    folder = root / "shop"
    write_rows(folder / "ratings.csv", range(1500), {})
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["data"]["source"] = "ratings.csv"
    params["recipes"] = {"int8": [{"technique": "quantize", "mode": "dynamic_int8"}]}
    params["benchmark"] |= {"processes": 2, "rounds": 10}
    params["gate"]["rules"] = [{"metric": "ndcg", "margin": 0.05, "versus": ["baseline", "production"]}]
    yaml.dump(params, folder / "params.yaml")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "begin")
    run(folder, "slimline", "run")
    return folder


def answers(project: Path, device: Path, *histories: str) -> list[Any]:
    found: list[Any] = json.loads(run(project, "slimline", "predict", *histories, "--model", str(device), "--json"))
    return [list(each["items"]) for each in found]


def fetch(project: Path, device: Path) -> None:
    where = ("--channel", "production", "--store", "file://.slimline/store", "--to", str(device))
    run(project, "slimline", "fetch", "shop", *where)


def test_a_device_names_items_that_the_history_does_not_have(project: Path, tmp_path: Path) -> None:
    device = tmp_path / "device"
    fetch(project, device)
    assert (device / "current" / "items.json.z").is_file()
    history = ",".join(f"i{item}" for item in choices()[0][:12].tolist())
    other = ",".join(f"i{item}" for item in choices()[7][:12].tolist())
    asked = [history, other, history, history, other]
    first, second, *again = answers(project, device, *asked)
    assert again == [first, first, second]  # whatever was asked before
    assert first != second
    assert len(first) == 10
    assert not set(first) & set(history.split(","))
    (unknown,) = answers(project, device, "nobody-knows-this")
    assert len(unknown) == 10  # the most frequent
    said = run(project, "slimline", "predict", "--history", history, "--top", "3", "--model", str(device))
    assert ", ".join(first[:3]) in said


def test_the_record_says_what_stands_beside_the_network(project: Path) -> None:
    quality = json.loads((project / "reports/quality/baseline.json").read_text())["splits"]["validation"]
    reached, details = quality["metrics"]["ndcg"], quality["details"]
    assert details["popularity"]["ndcg"] < reached
    assert set(details["references"]) == {"iALS", "EASE"}
    assert "all items" in details["protocol"]
    report = (project / "reports/report.html").read_text()
    assert "NDCG@10 of 100" in report


def test_a_release_of_ratings_is_made_again_bit_for_bit(project: Path) -> None:
    assert "made again bit for bit" in run(project, "slimline", "reproduce", "shop@1")


def test_production_is_asked_by_its_own_items_and_what_is_new_it_misses(project: Path, tmp_path: Path) -> None:
    new = random.Random(1).sample(range(150), 15)
    write_rows(project / "ratings.csv", range(USERS), {item: f"new{item}" for item in new})
    said = run(project, "slimline", "run")
    assert "Released: shop 2" in said
    measured = {
        name: json.loads((project / f"reports/quality/{name}.json").read_text())["splits"]["validation"]["metrics"]
        for name in ("baseline", "production")
    }
    assert 0.3 < measured["production"]["ndcg"] < measured["baseline"]["ndcg"]
    run(project, "slimline", "rollback", "--reason", "a try")
    device = tmp_path / "device"
    fetch(project, device)
    assert (device / "current").resolve().name == "1"
    assert len(answers(project, device, "i1,i2")[0]) == 10
