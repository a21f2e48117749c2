import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.cli.app import stale
from flows.line import staleness
from flows.line.staleness import Survey, survey
from tasks.config import Params, load_params
from tasks.deployment.releases.promotion import registry_of
from tasks.versioning.params_file import set_params
from tasks.versioning.stages import Stage
from tests.flows.lines import RECIPES, dvc, make_line, reproduce
from tests.tasks.data_loading.material import tree, write_folder
from tests.tasks.deployment.project import params_for

COMPRESS = {f"compress@{name}" for name in RECIPES}
EVALUATE = {f"evaluate@{name}" for name in RECIPES} | {"evaluate-baseline", "evaluate-production"}
JUDGED = EVALUATE | {"benchmark", "gate"}
TRAINED = {"train", "export", "teach"}
LOADED = {"load", "drift"}
ALWAYS = {"code", "fingerprint", "production"}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with some of the stages, in which `dvc repro` has run once, on images in a folder."""
    folder = tmp_path_factory.mktemp("few")
    write_folder(folder / "photos", tree("ab", 30))
    make_line(folder, {"code", "fingerprint", "load", "train", "compress", "gate"}, source="photos")
    assert reproduce(folder) == {"load", "train", "gate"} | COMPRESS
    return folder


@pytest.fixture(scope="module")
def all_stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all of them."""
    folder = tmp_path_factory.mktemp("all")
    write_folder(folder / "photos", tree("ab", 30))
    make_line(folder, source="photos")
    assert reproduce(folder) == TRAINED | COMPRESS | JUDGED | LOADED
    return folder


@pytest.fixture
def project(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return copied(few, tmp_path, monkeypatch)


@pytest.fixture
def line(all_stages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return copied(all_stages, tmp_path, monkeypatch)


def copied(made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, copied, as the working folder."""
    shutil.copytree(made, folder / "project", symlinks=True)
    monkeypatch.chdir(folder / "project")
    monkeypatch.syspath_prepend(folder / "project")  # the project's copy of the code runs
    monkeypatch.setattr(staleness, "already_released", lambda *_: object())
    monkeypatch.setattr(staleness, "production_changed", lambda *_: False)
    return folder / "project"


def edit(path: str, before: str, after: str) -> None:
    text = Path(path).read_text()
    assert before in text
    Path(path).write_text(text.replace(before, after))


def surveyed(params: Params | None = None) -> Survey:
    asked = params or load_params()
    return survey(asked, registry_of(asked.deployment))


def why() -> dict[str, tuple[str, ...]]:
    """The reasons of the stages that are stale by themselves."""
    found = surveyed()
    return {name: stage.changed for name, stage in found.stages.items() if stage.changed and name not in ALWAYS}


def stale_now() -> set[str]:
    return set(surveyed().stale)


def test_nothing_is_stale_after_a_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stale_now() == set()
    stale()
    assert capsys.readouterr().out == "Nothing is stale.\n"


def other_network() -> None:
    edit("parts/blocks.py", "WIDTH = 8", "WIDTH = 16")


def other_shared_code() -> None:
    edit("tasks/workloads/image/pixels.py", "def plain", "COLOUR = 'black'\n\n\ndef plain")


def other_report() -> None:
    edit("tasks/evaluation/report.py", "def about", "WIDE = True\n\n\ndef about")


def other_template() -> None:
    edit("tasks/templates/blocks.html.j2", "<ul>", "<ol>")


def other_technique() -> None:
    edit("tasks/compression/techniques/prune.py", "class Prune(", "WIDE = True\n\n\nclass Prune(")


def other_place() -> None:
    shutil.copytree("photos", "moved", copy_function=shutil.copyfile)  # with other times
    shutil.rmtree("photos")
    set_params(["data.source=moved"])


def more_samples() -> None:
    write_folder(Path("photos"), tree("ab", 1, first=30))


def nothing_that_counts() -> None:
    edit("tasks/compression/recipe.py", "\nfrom ", "\n# a comment\nfrom ")
    edit("tasks/compression/techniques/prune.py", "\n\n", "\n\n\n")
    edit(
        "mymodel.py", "def build(shape, classes, dropout):", 'def build(\n    shape, classes, dropout\n):\n    "Build."'
    )
    edit("unused.py", "WIDTH = 9", "WIDTH = 10")
    edit("params.yaml", "source: photos", f"source: {Path('photos').resolve()}/")


CHANGES: dict[Callable[[], None], dict[str, str]] = {  # the stages that each makes stale by itself, and why
    other_network: dict.fromkeys(["train", *COMPRESS], "code of parts/blocks.py changed"),
    other_shared_code: {"load": "code of tasks/workloads/image/pixels.py changed"},
    other_report: {"gate": "code of tasks/evaluation/report.py changed"},
    other_template: {"gate": "code of tasks/templates/blocks.html.j2 changed"},
    other_technique: dict.fromkeys(COMPRESS, "code of tasks/compression/techniques/prune.py changed"),
    other_place: {"load": "data changed"},
    more_samples: {"load": "data changed"},
    nothing_that_counts: {},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_stale_what_depends_on_it_and_says_why(project: Path, change: Callable[[], None]) -> None:
    change()
    assert why() == {name: (reason,) for name, reason in CHANGES[change].items()}


def test_dvc_alone_runs_just_what_is_stale(project: Path) -> None:
    other_network()
    assert reproduce(project) == {"train", "gate"} | COMPRESS
    assert stale_now() == set()
    nothing_that_counts()
    assert stale_now() == set()


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_dvc_and_the_survey_agree(line: Path, change: Callable[[], None]) -> None:
    change()
    found = surveyed()
    ran = reproduce(line)
    assert {name for name, stage in found.stages.items() if stage.changed} - ALWAYS <= ran <= found.stale
    assert stale_now() == set()
    if change is other_network:
        assert ran == {"train", "export"} | COMPRESS | JUDGED  # no teacher is of one's own
    elif change in (other_place, other_shared_code):
        assert "load" in ran
        assert not ran & (TRAINED | COMPRESS)  # the samples came out as they were
    elif change is more_samples:
        assert ran == LOADED | TRAINED | COMPRESS | JUDGED
    elif change is nothing_that_counts:
        assert ran == set()


def test_settings_are_named_that_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_params(["training.epochs=3", "training.augmentation.flip=true", "recipes.int8.0.technique=convert"])
    Path("reports/gate.json").unlink()
    assert why() == {
        "train": ("params training.epochs, training.augmentation.flip",),
        "compress@int8": ("params recipes.int8",),
        "gate": ("params recipes.int8", "output reports/gate.json is missing"),
    }
    stale(json=True)
    reasons = json.loads(capsys.readouterr().out)
    assert reasons["compress@float16"] == ["after train"]
    assert "load" not in reasons


def test_another_library_is_named_with_both_versions(project: Path) -> None:
    with other_versions({"tensorflow": "99.1", "pillow": "99.2"}):
        found = why()
    assert "tensorflow 2.21.0 → 99.1" in found["train"]
    assert found["load"][0].endswith(" → 99.2")
    assert "gate" not in found


@contextlib.contextmanager
def other_versions(others: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.code.libraries.version", lambda name: others.get(name) or version(name))
        yield


@pytest.mark.slow
def test_code_that_is_put_back_makes_nothing_stale(project: Path) -> None:
    edit("mymodel.py", "blocks.WIDTH", "blocks.WIDTH + 1")
    dvc(project, "repro", "code")  # as a run that was killed right after it
    assert why().keys() == {"train"} | COMPRESS
    edit("mymodel.py", "blocks.WIDTH + 1", "blocks.WIDTH")
    assert stale_now() == {"code"}
    assert reproduce(project) == set()


def test_what_ran_before_is_not_said_where_it_is_not_known_any_more(project: Path) -> None:
    edit("mymodel.py", "blocks.WIDTH", "blocks.WIDTH + 1")
    shutil.rmtree(".dvc/cache")
    (reason,) = (reason for reason in why()["train"] if "code" in reason)
    assert "is not in DVC's cache" in reason


def test_nothing_heavy_is_loaded_to_tell() -> None:
    heavy = {"prefect", "tensorflow", "tf_keras", "matplotlib", "dvc"}
    code = f"import sys, flows.line.staleness\nprint({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("released", "code", "stale"),
    [
        (True, (), set()),  # the model in production is the one that the gate chose: nothing to do
        (True, ("changed",), {"train", "production", "gate"}),  # a new model is compared with it
        (False, (), {"production", "gate"}),
    ],
)
def test_a_model_made_anew_is_compared_with_what_is_in_production_now(
    monkeypatch: pytest.MonkeyPatch, released: bool, code: tuple[str, ...], stale: set[str]
) -> None:
    stages = {
        "train": Stage("train", frozenset(), code, always=False),
        "production": Stage("production", frozenset(), (), always=True),
        "gate": Stage("gate", frozenset({"train", "production"}), (), always=False),
    }
    answers = {
        "foresee": lambda _: {},
        "read_stages": lambda **_: stages,
        "already_released": lambda *_: object() if released else None,
        "production_changed": lambda *_: True,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(staleness, name, answer)
    found = surveyed(params_for("file://store"))
    assert found.stages == stages
    assert found.stale == stale
    reasons = {"train": ("changed",), "production": ("the release in production changed",)}
    assert {name: why for name, why in found.reasons().items() if name in reasons} == {
        name: reasons[name] for name in stale if name in reasons
    }
