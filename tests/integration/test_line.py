"""The whole line on real images, as a user runs it: small, but nothing of it is a mock."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
HELD_BACK = 3
RECIPES = """recipes:
  dynamic_int8:
    - {technique: quantize, mode: dynamic_int8}
  pruned_int8:
    - {technique: prune, sparsity: 0.5, epochs: 2}
    - {technique: quantize, mode: int8, calibration: 100}
"""
EASY = (
    "teachers={}",
    "training.epochs=12",
    "gate.rules.0.margin=0.2",
    "gate.rules.2.max_ratio=100.0",
    "benchmark.processes=3",
    "benchmark.rounds=10",
)
MOMENTS = (  # each within the stage that it names, in the order in which they come
    "Running stage 'fingerprint'",
    "Running stage 'load'",
    "Running stage 'train'",
    "epoch 5/12",
    "Running stage 'compress@pruned_int8'",
    "epoch 1/2",
    "Running stage 'evaluate@pruned_int8'",
    "Running stage 'benchmark'",
    "Running stage 'gate'",
)
NOTE_IMPORTS = """
import atexit, json, os, sys
from pathlib import Path

def note():
    if (names := sorted(name for name in sys.modules if name.split(".")[0] == "tasks")) and len(sys.argv) > 1:
        folder = Path(__file__).parent / ".slimline" / "imports"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}.json").write_text(json.dumps([sys.argv[1], names]))

atexit.register(note)
"""
RESULTS = ("models/baseline.keras", "models/baseline.tflite", "models/candidates/*/model.tflite", "data/prepared/*")


def make_project(folder: Path) -> Path:
    """The tracked files as they are in the working tree, with two quick recipes, in a git repository of its own."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if not name.startswith(("tests/", "docs/")) and (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    for package in ("flows", "slimline", "tasks"):  # dozens of processes will import what is compiled here
        for compiled in (REPOSITORY / package).rglob("__pycache__/*.pyc"):
            copy = folder / compiled.relative_to(REPOSITORY)
            copy.parent.mkdir(exist_ok=True, parents=True)
            shutil.copy2(compiled, copy)
    text = (folder / "params.yaml").read_text()
    head, rest = text.split("recipes:\n", 1)
    (folder / "params.yaml").write_text(head + RECIPES + "\n" + rest[rest.index("benchmark:") :])
    run(["git", "init", "--quiet"], folder)
    from tasks.versioning.params_file import set_params

    set_params(EASY, folder / "params.yaml")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The project's own code and programs, and a Prefect home that all projects of the session share."""
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "PREFECT_HOME": os.environ.get("SLIMLINE_TEST_PREFECT_HOME", str(folder / ".slimline" / "prefect")),
    }


def run(command: list[str | Path], folder: Path, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=folder, env={**environment(folder), **more}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def digests(folder: Path) -> dict[str, str]:
    files = [path for pattern in RESULTS for path in sorted(folder.glob(pattern)) if path.name != "dataset.json"]
    assert files
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def held_back(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A project in which the line has run once, and its gate did not pass."""
    folder = make_project(tmp_path_factory.mktemp("line"))
    (folder / "sitecustomize.py").write_text(NOTE_IMPORTS)  # each process notes what it had imported at its end
    return folder, run([BIN / "slimline", "run", "--set", "gate.rules.1.max_ratio=0.001"], folder, code=HELD_BACK)


@pytest.fixture(scope="module")
def first(held_back: tuple[Path, subprocess.CompletedProcess[str]]) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The same project after a run that released."""
    return held_back[0], run([BIN / "slimline", "run", "--set", "gate.rules.1.max_ratio=0.6"], held_back[0])


@pytest.fixture
def project(first: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    return first[0]


def test_a_gate_that_does_not_pass_deploys_nothing_and_exits_with_3(
    held_back: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = held_back
    assert "nothing was deployed" in done.stdout
    assert "epoch 12/12" in done.stderr
    assert json.loads(run([BIN / "slimline", "releases", "--json"], folder).stdout) == []
    assert json.loads(run([BIN / "slimline", "ledger", "--json"], folder).stdout)["decisions"] == []


def test_a_run_ends_with_candidates_verdict_report_and_release(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = first
    assert "Running stage 'gate'" in done.stderr
    assert done.stderr.count("Running stage") <= 2  # the gate, and the digests of all code
    assert all(name in done.stdout for name in ("baseline", "dynamic_int8", "pruned_int8"))
    assert "PASS" in done.stdout
    assert str(folder / "reports" / "report.html") in done.stdout
    assert "Released: digits 1 is production in file://.slimline/store" in done.stdout
    assert "First decision on 542 sealed test samples, at 95 %" in done.stdout


def test_the_decision_is_in_the_ledger_and_named_in_the_manifest(project: Path) -> None:
    (decision,) = json.loads(run([BIN / "slimline", "ledger", "--json"], project).stdout)["decisions"]
    assert (decision["number"], decision["level"], decision["ended"]["outcome"]) == (1, 0.025, "PASS")
    envelope = json.loads((project / ".slimline/store/models/digits/releases/1/manifest.dsse.json").read_text())
    manifest = json.loads(base64.b64decode(envelope["payload"]))
    assert manifest["decision"]["sha256"] == decision["sha256"]
    for name in ("reports/gate.json", "reports/quality/baseline.json", "reports/report.html", "reports/decision.json"):
        text = (project / name).read_text()
        assert '"test"' not in text
        assert "test accuracy" not in text.lower()


def test_the_release_is_fetched_and_classifies_images(project: Path, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    files = []
    for index in range(20):
        pixels = (digits.images[index] / 16 * 255).round().astype("uint8").repeat(2, 0).repeat(2, 1)
        files.append(tmp_path / f"{index}.png")
        Image.fromarray(pixels).save(files[-1])
    run([BIN / "slimline", "fetch", "digits", "--to", tmp_path / "device"], project)
    said = run([BIN / "slimline", "predict", *files, "--model", tmp_path / "device", "--json"], project)
    answers = [prediction["label"] for prediction in json.loads(said.stdout)]
    right = sum(answer == str(label) for answer, label in zip(answers, digits.target, strict=False))
    assert right >= 15
    listed = json.loads(run([BIN / "slimline", "releases", "--json"], project).stdout)
    assert [(row["version"], row["channels"]) for row in listed] == [(1, ["production", "staging"])]


def test_a_second_run_has_nothing_to_do_and_starts_no_stage(project: Path) -> None:
    done = run([BIN / "slimline", "run"], project, PYTHONPROFILEIMPORTTIME="1")
    assert "Nothing to do: digits 1 is production" in done.stdout
    assert "Running stage" not in done.stderr
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "import time:" in line}
    assert "prefect" in imported
    assert not imported & {"tensorflow", "tf_keras", "tensorflow_model_optimization"}


def test_what_stages_really_imported_is_in_the_record_of_their_code(project: Path) -> None:
    seen: dict[str, set[str]] = {}
    for path in project.glob(".slimline/imports/*.json"):
        work, names = json.loads(path.read_text())
        seen.setdefault("compress" if work == "work" else work, set()).update(names)  # a recipe is a worker's work
    records = {path.stem: json.loads(path.read_text())["modules"] for path in project.glob("data/code/*.json")}
    assert records.keys() <= seen.keys()
    for work, modules in records.items():
        known = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in modules}
        assert seen[work] <= known, work


def test_a_comment_makes_nothing_stale_and_other_code_what_runs_it(project: Path) -> None:
    recipe, report = project / "tasks/compression/recipe.py", project / "tasks/evaluation/report.py"
    recipe.write_text(f"{recipe.read_text()}\n# a comment\n")
    text = report.read_text()
    report.write_text(f"{text}\nSPARE = 1\n")
    done = run([BIN / "slimline", "stale", "--json"], project)
    report.write_text(text)
    stale = json.loads(done.stdout)
    assert stale["gate"] == ["code of tasks/evaluation/report.py changed"]
    compared = {
        "production",
        "evaluate-production",
        "benchmark",
        "drift",
    }  # with the release that the run before has made
    assert stale.keys() <= {"code", "gate", *compared}
    assert "Running stage" not in done.stderr


def test_plain_dvc_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path)
    run([BIN / "dvc", "repro", "compress"], other)
    assert digests(other) == digests(project)


def test_the_results_are_in_the_remote(project: Path) -> None:
    run([BIN / "dvc", "status", "--cloud", "--quiet"], project)


@pytest.mark.slow
def test_a_run_killed_in_any_stage_goes_on_and_ends_the_same(project: Path, tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    for moment in MOMENTS:
        with subprocess.Popen(
            [BIN / "slimline", "run"], cwd=folder, env=environment(folder), stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if moment in line:
                    break
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, "".join(said)
    done = run([BIN / "slimline", "run"], folder)
    assert "Running stage 'train'" not in done.stderr
    assert "Released: digits 1" in done.stdout
    assert digests(folder) == digests(project)
    assert "up to date" in run([BIN / "dvc", "repro"], folder).stdout
    here = str(folder)
    left = [process for process in psutil.process_iter() if _belongs(process, here)]
    assert not left


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        return process.environ().get("SLIMLINE_WORKSPACE") == folder
    except psutil.Error:
        return False
