import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
SLIMLINE = Path(sys.executable).with_name("slimline")
HEAVY = ("tensorflow", "prefect", "dvc", "boto3", "numpy", "matplotlib")


def slimline(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SLIMLINE, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    return tmp_path


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from flows.cli import app as cli\n"
        "try: cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in ("run", "report", "releases", "fetch", "predict", "ui"))
    assert done.stderr.strip() == "[]"


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert slimline("--version", folder=tmp_path).stdout.strip() == version("slimline")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--set", "training.epochs=none"), "training.epochs"),
        (("run", "--set", "nonsense"), "key=value"),
        (("run", "--set", "recipes.int8.0.mode=int3"), "recipes.int8.0.mode"),
        (("run", "--set", "data.source=photos/"), "name your model"),
        (("run", "--set", "data.source=cifar10"), "name your model"),
        (("run", "--set", "deployment.model=cifar10"), "name your model"),
        (("run", "--only"), "names of recipes behind --only"),
        (("run", "--quick", "--only"), "names of recipes behind --only"),
        (("report", "--nonsense"), "nonsense"),
        (("fetch",), "model"),
        (("nonsense",), "nonsense"),
    ],
)
def test_bad_usage_and_bad_params_exit_with_2_and_say_why(
    project: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = (project / "params.yaml").read_bytes()
    done = slimline(*arguments, folder=project)
    assert done.returncode == 2, done.stderr
    assert words.lower() in (done.stderr + done.stdout).lower()
    assert "Traceback" not in done.stderr
    assert (project / "params.yaml").read_bytes() == before


def test_a_params_file_without_the_workloads_part_is_refused_before_work(project: Path) -> None:
    text = (project / "params.yaml").read_text(encoding="utf-8")
    part = text[text.index("  image: ") : text.index("  split: ")]
    (project / "params.yaml").write_text(text.replace(part, ""), encoding="utf-8")
    done = slimline("run", folder=project)
    assert done.returncode == 2, done.stderr
    assert "Write `image: {}` under data." in done.stderr


def test_help_shows_no_default_where_nothing_is_given(project: Path) -> None:
    done = slimline("run", "--help", folder=project)
    assert "--set" in done.stdout
    assert "default: ()" not in done.stdout
    assert "[default: 1]" in slimline("fetch", "--help", folder=project).stdout


@pytest.mark.parametrize("command", [("slimline", "run"), ("python", "-P", "-m", "tasks.data_loading", "fingerprint")])
def test_data_of_ones_own_under_a_built_ins_name_is_refused_before_work(
    project: Path, command: tuple[str, ...]
) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("  source: digits", "  source: photos"))
    (project / "photos").mkdir()
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "So name your model" in done.stderr
    assert sorted(path.name for path in project.iterdir()) == ["params.yaml", "photos"]


@pytest.mark.parametrize(
    "text", ["training: {epochs: many}\n", "data: [1]\n", "data: {workload: none.such:Thing}\n", "a: b: c"]
)
def test_every_setting_is_told_where_one_of_them_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    done = slimline("config", "--schema", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "image" in json.loads(done.stdout)["$defs"]["Data"]["properties"]


def test_a_folder_without_params_is_told_what_to_do(tmp_path: Path) -> None:
    done = slimline("report", folder=tmp_path)
    assert done.returncode == 2
    assert "Run slimline in the folder of your project" in done.stderr


def test_a_report_before_any_run_is_an_error_with_a_message(project: Path) -> None:
    done = slimline("report", folder=project)
    assert done.returncode == 1
    assert "slimline run" in done.stderr


def test_releases_of_an_empty_store_are_an_empty_list(project: Path) -> None:
    done = slimline("releases", "--json", folder=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
