from pathlib import Path
from typing import Any

import pytest

from tasks.backend import threads
from tasks.config import Params, load_params, parse_params
from tasks.errors import ConfigError
from tasks.learning.saving import load_model, weights_digest
from tasks.records import read_record
from tasks.training.records import TEACHERS, TEACHERS_RECORD, TeachersReport, teacher_member
from tasks.training.teachers import teach

REPOSITORY = Path(__file__).parents[3]
NETWORK = """
import tf_keras

def flat(shape, classes, dropout):
    layers = tf_keras.layers
    stack = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(classes, name="logits")]
    return tf_keras.Sequential([tf_keras.Input(shape), *stack])
"""


def params(**teachers: Any) -> Params:
    known = load_params(REPOSITORY / "params.yaml")
    return parse_params({**known.model_dump(), "teachers": teachers, "training": {"batch_size": 200}})


def report() -> TeachersReport:
    return read_record(TEACHERS_RECORD, TeachersReport)


@pytest.fixture
def network(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project with prepared digits; gives the name of a network that is quick to train."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("data").mkdir()
    Path("data/prepared").symlink_to(prepared)
    module = f"own_{tmp_path.name}"
    Path(f"{module}.py").write_text(NETWORK)
    return f"{module}:flat"


def test_only_what_changed_is_trained_again(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    pair = {"model": network, "epochs": 1, "members": 2}
    teach(params(pair=pair, lone={"model": network, "epochs": 1}))
    files = {path: path.read_bytes() for path in TEACHERS.rglob("*.keras")}
    assert set(files) == {teacher_member("pair", 0), teacher_member("pair", 1), teacher_member("lone", 0)}
    assert weights_digest(load_model(teacher_member("pair", 0))) != weights_digest(
        load_model(teacher_member("pair", 1))
    )
    record = TEACHERS_RECORD.read_bytes()
    capsys.readouterr()
    teach(params(pair=pair, lone={"model": network, "epochs": 1}))
    assert capsys.readouterr().out.count(": unchanged") == 3
    assert TEACHERS_RECORD.read_bytes() == record
    teach(params(pair={**pair, "members": 1}, lone={"model": network, "epochs": 2, "learning_rate": 0.03}))
    lines = capsys.readouterr().out
    assert lines.count(": unchanged") == 1
    assert "epoch 2/2" in lines
    assert not teacher_member("pair", 1).exists()
    assert teacher_member("pair", 0).read_bytes() == files[teacher_member("pair", 0)]
    assert report().teachers.keys() == {"pair", "lone"}
    assert report().teachers["lone"][0].metrics["accuracy"] > 0.3


def test_what_other_code_trained_is_trained_again(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path("other_network.py")
    other.write_text(NETWORK)
    teachers = {"one": {"model": network, "epochs": 1}, "two": {"model": f"{other.stem}:flat", "epochs": 1}}
    teach(params(**teachers))
    other.write_text(f"{NETWORK}  # a comment")
    capsys.readouterr()
    teach(params(**teachers))
    assert capsys.readouterr().out.count(": unchanged") == 2
    other.write_text(f"{NETWORK}\nSPARE = 1\n")
    teach(params(**teachers))
    lines = capsys.readouterr().out
    assert lines.count(": unchanged") == 1
    assert "member 1/1 of one: unchanged" in lines


def test_without_teachers_there_is_a_record_that_says_so(network: str) -> None:
    teach(params())
    assert report() == TeachersReport(teachers={}, threads=threads())


@pytest.mark.parametrize("name", ["baseline", "none"])
def test_a_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"teachers with names of their own; {name} names something else"):
        params(**{name: {}})
