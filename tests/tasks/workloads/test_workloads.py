import ast
from pathlib import Path

import pytest

from tasks.errors import ConfigError, DataError
from tasks.samples import TensorSpec
from tasks.workloads import WORKLOADS, files_of, find_workload, measuring_for
from tasks.workloads.image.reading import ImageReading

REPOSITORY = Path(__file__).parents[3]


def asked_by_name(path: Path) -> list[str]:
    """The statements of a module that speak of workloads and have the name of one in them."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.expr | ast.arguments):
            continue
        if any(isinstance(each, ast.Constant) and each.value in WORKLOADS for each in ast.walk(node)):
            said = ast.unparse(node)
            found += [said] if "workload" in said else []
    return found


def test_nobody_but_workloads_asks_which_one_it_is() -> None:
    paths = [path for package in ("flows", "tasks", "slimline") for path in (REPOSITORY / package).rglob("*.py")]
    others = [path for path in paths if (REPOSITORY / "tasks/workloads") not in path.parents]
    assert len(others) > 300
    assert {str(path): found for path in others if (found := asked_by_name(path))} == {}


@pytest.mark.parametrize(
    "text", ['x = data.workload == "image"', 'def new(*, workload="image"): ...', 'x = given.get("workload", "image")']
)
def test_a_question_for_a_workload_by_its_name_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "stage.py").write_text(text)
    assert asked_by_name(tmp_path / "stage.py")


def test_what_a_release_needs_beside_its_model_is_known_by_its_outcome() -> None:
    assert files_of("classes") == {"labels.json"}
    assert files_of("somebody's own") == frozenset()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("def broken(:\n", "invalid syntax"),
        ("raise RuntimeError('no licence')\n", "no licence"),
        ("Own = 3\n", "not callable"),
        ("class Other: pass\n", "no attribute 'Own'"),
        ("class Own: pass\n", "to be a workload"),
        ("from tasks.workloads.image.workload import Image\n\nclass Own(Image):\n    meaning = ''\n", "Received: str"),
    ],
)
def test_a_module_of_ones_own_that_is_none_is_told_in_a_sentence(
    content: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"own_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=words):
        find_workload(f"{module}:Own")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("type('None', (), {})()", "without classes, files, learning, measuring, name"),
        ("with_metrics()", r"to have metrics, .*Received: none"),
        ("with_metrics('rmse', 'rmse')", r"a name of its own .*Received: rmse, rmse"),
        ("with_metrics('latency')", r"none of bytes, latency, .*Received: latency"),
    ],
)
def test_an_outcome_of_ones_own_that_is_none_is_told_in_a_sentence(
    outcome: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"own_{tmp_path.name}"
    content = f"""
from types import SimpleNamespace
from tasks.workloads.image.workload import Image
from tasks.workloads.outcomes.classes import Classes

names = ()

class Measuring:
    @property
    def metrics(self):
        return [SimpleNamespace(name=name) for name in names]

def with_metrics(*given):
    global names
    names = given
    made = Classes()
    made.measuring = "{module}:Measuring"
    return made

class Own(Image):
    outcome = {outcome}
"""
    (tmp_path / f"{module}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=words):
        measuring_for(f"{module}:Own")


@pytest.mark.parametrize("name", ["", "sound", "a b:C", "x:y:z"])
def test_a_name_that_is_none_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"expected one of {', '.join(WORKLOADS)} or package\.module:Class"):
        find_workload(name)


@pytest.mark.parametrize("shape", [(), (4,), (4, 4, 2), (4, 4, 1, 1)])
def test_a_model_that_takes_no_images_is_not_asked_about_them(shape: tuple[int, ...]) -> None:
    inputs = (TensorSpec(name="image", dtype="uint8", shape=shape, low=0, high=255),)
    with pytest.raises(DataError, match="a model of grey or colour images"):
        ImageReading().ask(Path("image.png"), inputs, {})
