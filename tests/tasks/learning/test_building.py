from pathlib import Path

import pytest

from tasks.errors import ConfigError, TrainingError
from tasks.learning.building import build_model
from tests.tasks.material import made_up_dataset

OWN = """
import tf_keras

def small(shape, classes, dropout):
    layers = tf_keras.layers
    return tf_keras.Sequential([tf_keras.Input(shape), layers.Flatten(), layers.Dense(classes)])

def headless(shape, classes, dropout):
    return tf_keras.Sequential([tf_keras.Input(shape), tf_keras.layers.Flatten()])

def other_size(shape, classes, dropout):
    return small((shape[0] + 1, *shape[1:]), classes, dropout)

class Subclassed(tf_keras.Model):
    pass

def subclassed(shape, classes, dropout):
    return Subclassed()

def nothing(shape, classes, dropout):
    return None

number = 3
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / f"own_{tmp_path.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "networks.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return package


def test_the_article_needs_ten_pixels_a_side() -> None:
    assert build_model("article_cnn", made_up_dataset((10, 10, 1), 2), 0.0).output_shape == (None, 2)
    with pytest.raises(TrainingError, match=r"(?s)article_cnn to fit images of \(9, 10, 1\).*Set data\.image"):
        build_model("article_cnn", made_up_dataset((9, 10, 1), 2), 0.0)


def test_a_network_of_ones_own_is_found_in_the_projects_folder(project: Path) -> None:
    model = build_model(f"{project.name}.networks:small", made_up_dataset((4, 5, 3), 7), 0.0)
    assert model.count_params() == 4 * 5 * 3 * 7 + 7


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("headless", r"to give \(None, 2\)\. Received: \(None, 16\)"),
        ("other_size", r"to take \(4, 4, 1\)\. Received: a network that takes .* \(5, 4, 1\)\. Give it an Input of"),
        ("subclassed", r"functional tf_keras model\. Received: .*Subclassed"),
        ("nothing", r"functional tf_keras model\. Received: builtins\.NoneType"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(project: Path, function: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        build_model(f"{project.name}.networks:{function}", made_up_dataset((4, 4, 1), 2), 0.0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "article",
            "one of article_cnn, resnet8, mobilenet_small, vgg_small or package.module:function. Received: 'article'",
        ),
        (":small", "Received: ':small'"),
        ("{own}.networks:", "package.module:function"),
        ("{own}.network:small", "No module named"),
        ("{own}.networks:tall", "no attribute 'tall'"),
        ("{own}.networks:number", "to be a function. Received: int"),
        (".networks:small", "package.module:function"),
    ],
)
def test_a_name_that_leads_nowhere_is_a_mistake_in_the_params(project: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_model(name.format(own=project.name), made_up_dataset((4, 4, 1), 2), 0.0)
    assert "training.model" in str(caught.value)
    assert words in str(caught.value)
