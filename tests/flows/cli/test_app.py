import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.commands import Slimline

REPOSITORY = Path(__file__).parents[3]
SLIMLINE = Path(sys.executable).with_name("slimline")
HEAVY = ("tensorflow", "prefect", "dvc", "boto3", "numpy", "matplotlib")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's params.yaml, which is the current one."""
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
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


def test_the_installed_program_says_the_version_of_the_package(tmp_path: Path) -> None:
    said = subprocess.run([SLIMLINE, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.strip() == version("slimline")


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
    slimline: Slimline, project: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = (project / "params.yaml").read_bytes()
    said = slimline(*arguments, code=2)
    assert words.lower() in said.lower()
    assert "Traceback" not in said
    assert (project / "params.yaml").read_bytes() == before


def test_a_params_file_without_the_workloads_part_is_refused_before_work(slimline: Slimline, project: Path) -> None:
    text = (project / "params.yaml").read_text(encoding="utf-8")
    part = text[text.index("  image: ") : text.index("  split: ")]
    (project / "params.yaml").write_text(text.replace(part, ""), encoding="utf-8")
    assert "Write `image: {}` under data." in slimline("run", code=2)


@pytest.mark.usefixtures("project")
def test_help_shows_no_default_where_nothing_is_given(slimline: Slimline) -> None:
    said = slimline("run", "--help")
    assert "--set" in said
    assert "default: ()" not in said
    assert "[default: 1]" in slimline("fetch", "--help")


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
def test_every_setting_is_told_where_one_of_them_is_wrong(slimline: Slimline, project: Path, text: str) -> None:
    (project / "params.yaml").write_text(text)
    assert "image" in json.loads(slimline("config", "--schema"))["$defs"]["Data"]["properties"]


def test_a_folder_without_params_is_told_what_to_do(slimline: Slimline, project: Path) -> None:
    (project / "params.yaml").unlink()
    assert "Run slimline in the folder of your project" in slimline("report", code=2)


@pytest.mark.usefixtures("project")
def test_a_report_before_any_run_is_an_error_with_a_message(slimline: Slimline) -> None:
    assert "slimline run" in slimline("report", code=1)


@pytest.mark.usefixtures("project")
def test_releases_of_an_empty_store_are_an_empty_list(slimline: Slimline) -> None:
    assert json.loads(slimline("releases", "--json")) == []
