from pathlib import Path

import pytest

from tasks.errors import ConfigError, DataError
from tasks.samples import TensorSpec
from tasks.workloads import find_workload
from tasks.workloads.image.reading import ImageReading


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("def broken(:\n", "invalid syntax"),
        ("raise RuntimeError('no licence')\n", "no licence"),
        ("Own = 3\n", "not callable"),
        ("class Other: pass\n", "no attribute 'Own'"),
        ("class Own: pass\n", "to be a workload"),
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


@pytest.mark.parametrize("name", ["", "sound", "a b:C", "x:y:z"])
def test_a_name_that_is_none_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected one of image or package\.module:Class"):
        find_workload(name)


@pytest.mark.parametrize("shape", [(), (4,), (4, 4, 2), (4, 4, 1, 1)])
def test_a_model_that_takes_no_images_is_not_asked_about_them(shape: tuple[int, ...]) -> None:
    inputs = (TensorSpec(name="image", dtype="uint8", shape=shape, low=0, high=255),)
    with pytest.raises(DataError, match="a model of grey or colour images"):
        ImageReading().ask(Path("image.png"), inputs)
