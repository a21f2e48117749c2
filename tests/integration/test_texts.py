"""The line on texts, as a user has them: made, asked on a device, retrained, taken back, made again."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.workloads.text.tokenizer import FILE, Tokenizer

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow
WORDS = ["free", "call", "prize", "win", "home", "later", "lunch", "meet", "ok", "tonight"]


def run(folder: Path, *command: str, code: int = 0) -> str:
    program = str(BIN / "slimline") if command[0] == "slimline" else command[0]
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def write_rows(path: Path, count: int, seed: int, words: list[str]) -> None:
    """Append texts of eight words: spam where more than three are of the first four."""
    rng = random.Random(seed)
    with path.open("a", encoding="utf-8") as file:
        for _ in range(count):
            drawn = rng.choices(words, k=8)
            label = "spam" if sum(word in words[:4] for word in drawn) > 3 else "ham"
            file.write(f"{label}\t{' '.join(drawn)} {''.join(rng.choices('abcdef', k=5))}\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of texts that has released once."""
    root = tmp_path_factory.mktemp("texts")
    run(root, "slimline", "new", "mail", "--workload", "text")
    folder = root / "mail"
    write_rows(folder / "samples.tsv", 2500, 1, WORDS)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["data"]["source"] = "samples.tsv"
    params["data"]["text"] = {"columns": ["label", "text"], "min_count": 5}
    params["training"] |= {"model": "lstm", "epochs": 8}
    params["recipes"] = {"half": [{"technique": "quantize", "mode": "float16"}]}
    params["benchmark"] |= {"processes": 2, "rounds": 10}
    params["gate"]["rules"] = [{"metric": "accuracy", "margin": 0.05, "versus": ["baseline", "production"]}]
    yaml.dump(params, folder / "params.yaml")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "begin")
    run(folder, "slimline", "run")
    return folder


def answers(project: Path, device: Path, *texts: str) -> list[Any]:
    found: list[Any] = json.loads(run(project, "slimline", "predict", *texts, "--model", str(device), "--json"))
    return [each["label"] for each in found]


def test_a_device_answers_texts_as_the_release_was_tried(project: Path, tmp_path: Path) -> None:
    device = tmp_path / "device"
    run(
        project,
        "slimline",
        "fetch",
        "mail",
        "--channel",
        "production",
        "--store",
        "file://.slimline/store",
        "--to",
        str(device),
    )
    assert (device / "current" / "tokenizer.json.gz").is_file()
    spam, ham = "FREE prize, win! call call win", "Lunch tonight? ok, meet home later"
    asked = [spam, ham, spam, spam, ham]
    assert answers(project, device, *asked) == ["spam", "ham", "spam", "spam", "ham"]
    (tmp_path / "text.txt").write_text(spam)
    assert answers(project, device, f"@{tmp_path / 'text.txt'}") == ["spam"]


def test_a_release_of_texts_is_made_again_bit_for_bit(project: Path) -> None:
    assert "made again bit for bit" in run(project, "slimline", "reproduce", "mail@1")


def test_a_retrained_model_is_compared_with_production_in_production_s_own_way(project: Path, tmp_path: Path) -> None:
    write_rows(project / "samples.tsv", 800, 2, [*WORDS[:8], "brunch", "tomorrow"])
    said = run(project, "slimline", "run")
    quality = json.loads((project / "reports/quality/production.json").read_text())
    assert quality["splits"]["validation"]["metrics"]["accuracy"] > 0.8
    known, mine = (
        (project / name).read_bytes()
        for name in ("models/production/assets/tokenizer.json.gz", "data/prepared/assets/tokenizer.json.gz")
    )
    assert known != mine
    assert "Released: mail 2" in said
    drift = json.loads((project / "reports/drift.json").read_text())
    assert {"tokens of a text", "unknown tokens"} <= {shift["statistic"] for shift in drift["shifts"]}
    run(project, "slimline", "rollback", "--reason", "a try")
    device = tmp_path / "device"
    run(
        project,
        "slimline",
        "fetch",
        "mail",
        "--channel",
        "production",
        "--store",
        "file://.slimline/store",
        "--to",
        str(device),
    )
    assert (device / "current").resolve().name == "1"
    assert answers(project, device, "free prize win call") == ["spam"]


def test_a_candidate_with_words_of_its_own_is_released_and_asked_with_them(tmp_path: Path) -> None:
    run(tmp_path, "slimline", "new", "mail", "--workload", "text")
    folder = tmp_path / "mail"
    write_rows(folder / "samples.tsv", 1500, 1, WORDS)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["data"]["source"] = "samples.tsv"
    params["data"]["text"] = {"columns": ["label", "text"], "min_count": 1}  # each text ends with a word of its own
    params["training"] |= {"model": "text_cnn", "epochs": 8, "learning_rate": 0.005}
    few = [{"technique": "prune_vocabulary", "rows": len(WORDS)}, {"technique": "quantize", "mode": "int4"}]
    params["recipes"] = {"few": few}
    params["benchmark"] |= {"processes": 2, "rounds": 10}
    params["gate"]["rules"] = [{"metric": "accuracy", "margin": 0.05, "versus": ["baseline", "production"]}]
    yaml.dump(params, folder / "params.yaml")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "begin")
    assert "Released: mail 1" in run(folder, "slimline", "run")
    device, store = tmp_path / "device", "file://.slimline/store"
    run(folder, "slimline", "fetch", "mail", "--channel", "production", "--store", store, "--to", str(device))
    released, learned = (
        Tokenizer.of_bytes(path.read_bytes())
        for path in (device / "current" / FILE, folder / "data/prepared/assets" / FILE)
    )
    assert set(released.vocabulary) == set(WORDS)
    assert len(learned.vocabulary) > 50 * len(WORDS)
    quality = json.loads((folder / "reports/quality/few.json").read_text())
    assert quality["cost"]["assets_bytes"] == (device / "current" / FILE).stat().st_size
    asked = ["FREE prize, win! call call win abcde", "Lunch tonight? ok, meet home later", "free free win call zzzzz"]
    assert answers(folder, device, *asked, asked[1]) == ["spam", "ham", "spam", "ham"]
    assert "made again bit for bit" in run(folder, "slimline", "reproduce", "mail@1")
