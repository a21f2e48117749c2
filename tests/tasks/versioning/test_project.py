import inspect
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.config import LOCK, load_params
from tasks.errors import ConfigError
from tasks.versioning.dvc.lock import locked_outputs
from tasks.versioning.dvc.mending import mend
from tasks.versioning.environment import stage_environment
from tasks.versioning.git import git
from tasks.versioning.project import FILES, PREFECT, STAGES, TEMPLATE, create, name_for, update
from tasks.versioning.stages import read_stages, stale_stages
from tasks.workloads import DEFAULT_WORKLOAD, WORKLOADS, find_workload, learning_of, measuring_for

REPOSITORY = Path(__file__).parents[3]
STORED = Path(__file__).with_name("stored")  # a project as it was begun at commit 1f5b2ac, in which tasks/ is a copy
SHADOWS = ("tasks.py", "flows.py", "numpy.py", "json.py", "yaml.py")


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.com")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    for name in ("dvc", "params", "prefect"):
        (tmp_path / f"{name}.yaml").write_bytes((STORED / f"{name}-1f5b2ac.txt").read_bytes())
    return tmp_path


@pytest.fixture
def used(old: Path) -> Path:
    """The same with one recipe, two epochs and no teachers, and the dvc.lock that its line had left then."""
    for stored, name in (("params-used", "params.yaml"), ("lock", "dvc.lock")):
        (old / name).write_bytes((STORED / f"{stored}-1f5b2ac.txt").read_bytes())
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"):
        (old / name).parent.mkdir(exist_ok=True)
        (old / name).write_text((TEMPLATE / FILES[name]).read_text(encoding="utf-8"))
    git(old, "init", "--quiet")
    return old


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def python(folder: Path, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(more or {})}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_the_repository_is_such_a_project_itself() -> None:
    for name, source in FILES.items():
        if name != "mymodel.py":
            assert (REPOSITORY / name).read_text() == (TEMPLATE / source).read_text(encoding="utf-8"), name


@pytest.mark.parametrize(
    ("workload", "block", "rule"),
    [
        ("tests.integration.visits:Shop", "visits", "accuracy"),
        ("tests.integration.ratings:Shops", "shops", ""),
    ],
)
def test_a_project_for_samples_of_another_kind_fits(tmp_path: Path, workload: str, block: str, rule: str) -> None:
    made = create(tmp_path, "mine", workload)
    params = load_params(tmp_path / "params.yaml", measured=True)
    assert params.data.workload == workload
    assert block in read(tmp_path / "params.yaml")["data"]
    assert "int8" in params.recipes
    assert not any("augmentation" in step for steps in params.recipes.values() for step in steps)
    assert (getattr(params.gate.rules[0], "metric", "") == rule) == bool(rule)
    assert ("how much worse a candidate may be" in " ".join(made.notes)) == (not rule)


def test_a_workload_says_with_what_a_project_of_its_samples_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ready.py").write_text(
        "from tests.integration.visits import Shop\n\nclass Ready(Shop):\n"
        "    first_params = ('data.source=digits', 'training.epochs=7', 'recipes={float16: [{technique: quantize, "
        "mode: float16}]}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    made = create(tmp_path / "new", "mine", "ready:Ready")
    params = load_params(tmp_path / "new/params.yaml", measured=True)
    assert (params.data.source, params.training.epochs, list(params.recipes)) == ("digits", 7, ["float16"])
    assert made.built_in == "digits"
    assert not [note for note in made.notes if "data.source" in note]
    assert (
        "Name your data in data.source" in create(tmp_path / "shop", "mine", "tests.integration.visits:Shop").notes[0]
    )


def test_a_project_for_texts_begins_with_texts_that_are_there(tmp_path: Path) -> None:
    made = create(tmp_path, "mails", "text")
    params = load_params(tmp_path / "params.yaml", measured=True)
    assert (params.data.source, params.data.workload, params.training.model) == ("docstrings", "text", "text_cnn")
    assert made.built_in == "docstrings"
    assert not made.notes
    assert "data.text," in (tmp_path / "dvc.yaml").read_text()
    assert params.outcome.model_fields_set == {"weights", "focal", "best", "thresholds"}


@pytest.mark.parametrize("workload", [name for name in WORKLOADS if name != DEFAULT_WORKLOAD])
def test_the_comments_of_a_project_are_about_its_samples(tmp_path: Path, workload: str) -> None:
    create(tmp_path, "mine", workload)
    text = (tmp_path / "params.yaml").read_text()
    before, _, behind = text.partition("  source:")  # what comes before names every source there is
    assert not re.search(r"image|pixel|digits \(|digits can", behind)
    assert not [name for name in learning_of(DEFAULT_WORKLOAD).networks() if name in text]
    settings = find_workload(workload).settings.model_fields
    said = " ".join(re.findall(r"# (.+)", text)).split()
    for name, field in settings.items():
        assert f"\n    {name}:" in behind
        assert " ".join(str(field.description).split()) in " ".join(said)
    assert set(learning_of(workload).networks()) <= set(said)
    metrics = {metric.name for metric in measuring_for(workload).metrics} | measuring_for(workload).rules
    assert set(re.findall(r"#   \{metric: (\w+)", text)) <= metrics
    assert "Networks beside the baseline" in text
    assert not re.search(r"\n\n\n", text)
    assert before.splitlines() == (REPOSITORY / "params.yaml").read_text().partition("  source:")[0].splitlines()


@pytest.mark.parametrize(
    ("workload", "numbers", "outputs"),
    [("image", ((8, 8, 1), 4, 0.1), 4), ("text", (5, 10, 3, 0.1), 3), ("ratings", (5, 7, 0, 0.1), 7)],
)
def test_the_network_of_a_new_project_fits_its_samples(
    tmp_path: Path, workload: str, numbers: tuple[Any, ...], outputs: int
) -> None:
    create(tmp_path, "mine", workload)
    small = runpy.run_path(str(tmp_path / "mymodel.py"))["small"]
    known = next(iter(learning_of(workload).networks().values()))
    assert [*inspect.signature(small).parameters] == [*inspect.signature(known).parameters][: len(numbers)]
    assert small(*numbers).output_shape == (None, outputs)


def test_a_project_whose_outcome_has_no_settings_names_none(tmp_path: Path) -> None:
    create(tmp_path, "shops", "tests.integration.ratings:Shops")
    assert read(tmp_path / "params.yaml")["outcome"] == {}


def test_a_project_has_its_own_name_and_nothing_of_the_tool(tmp_path: Path) -> None:
    made = create(tmp_path / "photos", "photos")
    assert {str(path) for path in made.files} == set(FILES)
    assert not made.notes
    assert load_params(tmp_path / "photos/params.yaml").deployment.model == "photos"
    before, after = (path.read_text() for path in (REPOSITORY / "params.yaml", tmp_path / "photos/params.yaml"))
    assert [line for line in after.splitlines() if "#" in line] != []
    assert len(before.splitlines()) == len(after.splitlines())
    assert git(tmp_path / "photos", "status", "--porcelain") == ""
    assert git(tmp_path / "photos", "log", "--format=%s") == "Begin a slimline project"
    assert not {"tasks", "flows", "slimline"} & {path.name for path in (tmp_path / "photos").iterdir()}


def test_a_folder_that_cannot_become_a_project_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nosuch"):
        create(tmp_path, "mine", "nosuch:Thing")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_data_in_it_may_become_a_project_once(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    create(tmp_path, "cats")
    with pytest.raises(ConfigError, match="--update"):
        create(tmp_path, "cats")


def test_in_a_repository_none_is_made(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    made = create(tmp_path / "inside", "photos")
    assert not (tmp_path / "inside/.git").exists()
    assert "commit the new files" in made.notes[0]


def test_a_project_for_ratings_begins_with_made_up_ones_and_a_rule_about_rankings(tmp_path: Path) -> None:
    made = create(tmp_path, "shop", "ratings")
    params = load_params(tmp_path / "params.yaml")
    assert (params.data.source, params.data.workload) == ("planted", "ratings")
    assert [rule.metric for rule in params.gate.rules] == ["ndcg"]
    assert not any("gate.rules" in note for note in made.notes)


@pytest.mark.parametrize(("model", "workload"), [("Photos!", "image"), ("digits", "image"), ("photos", "smells")])
def test_a_name_or_a_workload_that_is_none_leaves_nothing(tmp_path: Path, model: str, workload: str) -> None:
    with pytest.raises(ConfigError):
        create(tmp_path / "new", model, workload)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folders_name_serves_where_a_model_may_have_it(tmp_path: Path) -> None:
    assert name_for(tmp_path / "Photos") == "photos"
    assert name_for(tmp_path / "my photos") is name_for(tmp_path / "digits") is None


def test_stages_run_in_it_and_nothing_of_the_project_takes_the_tools_place(tmp_path: Path) -> None:
    create(tmp_path, "photos")
    for name in SHADOWS:
        (tmp_path / name).write_text("raise SystemExit('shadowed')")
    commands = {name: stage["cmd"] for name, stage in read(tmp_path / STAGES)["stages"].items() if "cmd" in stage}
    assert all(command.startswith("python -P -m tasks.") for command in commands.values())
    for name in ("code", "fingerprint"):
        done = python(tmp_path, *commands[name].split()[1:])
        assert done.returncode == 0, done.stderr
    code = read(tmp_path / "data/code/train.json")["modules"]
    assert "tasks/training/trainer.py" in code
    assert not set(SHADOWS) & set(code)


def test_the_example_of_a_network_is_found_and_a_change_of_it_counts(tmp_path: Path) -> None:
    create(tmp_path, "photos")
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("model: article_cnn   ", "model: mymodel:small", 1))
    (tmp_path / "tasks.py").write_text("raise SystemExit('shadowed')")
    assert python(tmp_path, "-P", "-m", "tasks.code", "code").returncode == 0
    assert "mymodel.py" in read(tmp_path / "data/code/train.json")["modules"]
    text = (
        "from tasks.command import find_projects_modules; find_projects_modules()\n"
        "from tasks.learning.building import find_builder\n"
        "print(find_builder('mymodel:small', 'image')((16, 16, 3), 4, 0.1).output_shape)"
    )
    done = python(tmp_path, "-P", "-c", text)
    assert done.stdout.strip() == "(None, 4)", done.stderr


def test_a_stored_project_is_upgraded_and_the_difference_is_shown(old: Path) -> None:
    (old / "tasks").mkdir()
    (old / "tasks/__init__.py").write_text("raise SystemExit('the old copy')")
    changes = update(old)
    assert "-    cmd: python -m tasks.training train" in changes
    assert "+    cmd: python -P -m tasks.training train" in changes
    assert "-    deps: [data/prepared, tasks/training]" in changes
    assert (old / STAGES).read_text() == (REPOSITORY / STAGES).read_text()
    entrypoints = {each["name"]: each["entrypoint"] for each in read(old / PREFECT)["deployments"]}
    assert entrypoints["retrain"] == "flows.line.retrain.retrain_flow"
    assert entrypoints["approve"] == "flows.operations.approval.approve_flow"
    assert entrypoints["reproduce"] == "flows.operations.maintenance.reproduce_flow"
    assert update(old) == ""
    done = python(old, "-P", "-m", "tasks.code", "code")
    assert done.returncode == 0, done.stderr


def test_the_lock_of_a_project_in_which_the_line_has_run_is_read_after_an_upgrade(used: Path) -> None:
    update(used)
    assert mend(used) == []
    assert "models/candidates/float16/model.tflite" in " ".join(locked_outputs((used / LOCK).read_text()))
    stages = read_stages(used)
    assert "compress@float16" in stages
    assert stale_stages(stages, {}) == set(stages)  # whatever ran then ran with another code
    assert "its command changed" in stages["train"].changed


@pytest.mark.slow
def test_an_upgraded_project_goes_on_with_the_lock_that_it_has(used: Path) -> None:
    then = read(used / LOCK)["stages"]
    update(used)
    environment = stage_environment({"PYTHONPATH": str(REPOSITORY)})
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", "load"]
    done = subprocess.run(command, cwd=used, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    now = read(used / LOCK)["stages"]
    assert now["load"]["cmd"] == "python -P -m tasks.data_loading load"
    assert now["train"] == then["train"]


def test_an_upgrade_keeps_a_users_own_stages_and_schedules(old: Path) -> None:
    path = old / STAGES
    path.write_text(path.read_text().replace("\nplots:", "\n  mail:\n    cmd: ./mail.sh\n\nplots:"))
    prefect = old / PREFECT
    prefect.write_text(prefect.read_text().replace("0 3 * * *", "0 4 * * *"))
    update(old)
    stages = read(path)["stages"]
    assert stages["mail"] == {"cmd": "./mail.sh"}
    assert stages["train"] == read(REPOSITORY / STAGES)["stages"]["train"]
    assert "0 4 * * *" in prefect.read_text()


def test_an_upgrade_keeps_the_names_of_released_models(old: Path) -> None:
    named = "artifacts:\n  mine:\n    path: models/candidates/int8/model.tflite\n    type: model\n"
    path = old / STAGES
    path.write_text(path.read_text() + named)
    update(old)
    assert path.read_text() == (REPOSITORY / STAGES).read_text() + named


@pytest.mark.parametrize("text", [None, "stages: [", "- a"])
def test_what_is_no_project_is_not_renewed(old: Path, text: str | None) -> None:
    if text is None:
        (old / STAGES).unlink()
    else:
        (old / STAGES).write_text(text)
    with pytest.raises(ConfigError):
        update(old)
