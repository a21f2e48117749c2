from pathlib import Path

import pytest

from tasks.errors import ConfigError, DataError
from tasks.samples import TensorSpec
from tasks.workloads import WORKLOADS, find_workload, measuring_for
from tasks.workloads.image.reading import ImageReading


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
        ("type('None', (), {})()", "without has_classes, learning, measuring, name"),
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
