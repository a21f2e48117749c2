"""The line on texts of which the next token is told: its stages in this process, and as a user has it."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.compression.supervisor import compress
from tasks.config import load_params
from tasks.data_loading.fingerprint import fingerprint
from tasks.data_loading.load import load
from tasks.evaluation.benchmark import benchmark
from tasks.evaluation.gate import gate
from tasks.evaluation.quality import evaluate
from tasks.training.trainer import train
from tasks.versioning.project import create

BIN = Path(sys.executable).parent
WORKLOAD = "text/next_token"
NAMES = ["ann", "bob", "eve", "joe"]
DOES = {"ann": "sees", "bob": "asks", "eve": "hears", "joe": "likes"}  # what each does, always


def write_texts(path: Path, count: int, seed: int, names: list[str] = NAMES) -> None:
    """Append texts in which the second word follows from the first one, and the fourth from the third."""
    rng = random.Random(seed)
    with path.open("a", encoding="utf-8") as file:
        if not file.tell():
            file.write("text\n")
        for number in range(count):
            first, second = rng.choice(names), rng.choice(names)
            file.write(
                f"{first} {DOES[first]} {second} {DOES[second]} {''.join(rng.choices('abcdefgh', k=5))}{number % 7}\n"
            )


def project(folder: Path, name: str, count: int) -> Path:
    """A small project."""
    create(folder / name, name, WORKLOAD)
    folder /= name
    write_texts(folder / "said.csv", count, 1)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["data"]["source"] = "said.csv"
    params["data"]["text"] = {"rows": 40, "length": 4}
    params["training"] |= {"model": "lstm", "epochs": 4, "batch_size": 64}
    params["recipes"] = {"int4": [{"technique": "quantize", "mode": "int4"}]}
    params["benchmark"] |= {"processes": 2, "rounds": 10}
    params["gate"]["rules"] = [{"metric": "perplexity", "margin": 1.0, "versus": ["baseline", "production"]}]
    yaml.dump(params, folder / "params.yaml")
    return folder


def read(path: str) -> Any:
    return json.loads(Path(path).read_text())


def test_the_stages_prove_a_smaller_network_by_its_perplexity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project(tmp_path, "prose", 600))
    params = load_params()
    fingerprint(params)
    load(params)
    train(params)
    compress(params, "int4")
    evaluate(params, "baseline", "models/baseline.tflite")
    evaluate(params, "production", "models/production/model.tflite")
    evaluate(params, "int4", "models/candidates/int4/model.tflite")
    benchmark(params)
    gate(params)
    baseline, candidate = (
        read(f"reports/quality/{name}.json")["splits"]["validation"] for name in ("baseline", "int4")
    )
    assert baseline["metrics"]["perplexity"] < baseline["details"]["by_frequency"] / 1.5
    assert baseline["interval"]["low"] < baseline["metrics"]["perplexity"] < baseline["interval"]["high"]
    assert candidate["metrics"]["perplexity"] == pytest.approx(baseline["metrics"]["perplexity"], rel=0.2)
    report = read("reports/gate.json")
    assert report["outcome"] == "PASS", report
    assert any("perplexity" in rule["sentence"] for rule in report["rules"])


def run(folder: Path, *command: str) -> str:
    program = str(BIN / "slimline") if command[0] == "slimline" else command[0]
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has released once."""
    folder = project(tmp_path_factory.mktemp("completing"), "prose", 2000)
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "texts")
    assert "Released: prose 1 is production" in run(folder, "slimline", "run")
    return folder


def fetched(folder: Path, to: Path) -> Path:
    where = ("--channel", "production", "--store", "file://.slimline/store", "--to", str(to))
    run(folder, "slimline", "fetch", "prose", *where)
    return to


def completed(folder: Path, device: Path, *texts: str) -> list[list[str]]:
    found = json.loads(run(folder, "slimline", "predict", *texts, "--model", str(device), "--top", "1", "--json"))
    return [each["tokens"] for each in found]


@pytest.mark.slow
def test_a_device_goes_on_with_a_text_in_any_order_of_questions(released: Path, tmp_path: Path) -> None:
    device = fetched(released, tmp_path / "device")
    asked = ["ann", "bob", "ann sees eve", "ann", "Joe"]
    assert completed(released, device, *asked) == [[" sees"], [" asks"], [" hears"], [" sees"], [" likes"]]
    (told,) = json.loads(run(released, "slimline", "predict", "eve", "--model", str(device), "--json"))
    assert told["label"].startswith("hears ")
    assert 0.5 < told["probabilities"][0] <= 1


@pytest.mark.slow
def test_a_release_is_made_again_bit_for_bit(released: Path) -> None:
    assert "made again bit for bit" in run(released, "slimline", "reproduce", "prose@1")


@pytest.mark.slow
def test_a_retrained_model_of_other_words_is_compared_with_production(released: Path) -> None:
    DOES["kim"] = "calls"
    write_texts(released / "said.csv", 700, 2, [*NAMES, "kim"])
    said = run(released, "slimline", "run")
    production = json.loads((released / "reports/quality/production.json").read_text())["splits"]["validation"]
    assert production["details"]["unknown"] > 0.05
    assert "Released: prose 2 is production" in said
    drift = json.loads((released / "reports/drift.json").read_text())
    assert "unknown tokens" in {shift["statistic"] for shift in drift["shifts"]}
