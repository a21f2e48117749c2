from pathlib import Path

import numpy as np
import pytest

from tasks.errors import ConfigError, TrainingError
from tasks.training.models import build_model

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


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("article_cnn", 167_562), ("resnet8", 78_666), ("mobilenet_small", 40_202), ("vgg_small", 163_666)],
)
def test_built_in_networks_have_the_size_that_is_written_down(name: str, parameters: int) -> None:
    model = build_model(name, (32, 32, 3), 10, 0.0)
    assert model.count_params() == parameters


@pytest.mark.parametrize("name", ["article_cnn", "resnet8", "mobilenet_small", "vgg_small"])
def test_raw_pixels_go_in_and_logits_come_out(name: str) -> None:
    model = build_model(name, (16, 16, 1), 4, 0.0)
    pixels = np.random.default_rng(1).integers(0, 256, (8, 16, 16, 1)).astype(np.float32)
    scaled = model.layers[1] if model.layers[0].__class__.__name__ == "InputLayer" else model.layers[0]
    assert float(np.max(scaled(pixels))) <= 1.0
    logits = model.predict(pixels, verbose=0)
    assert logits.shape == (8, 4)
    assert model.layers[-1].activation.__name__ == "linear"
    assert not np.allclose(logits.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", ["article_cnn", "resnet8", "mobilenet_small", "vgg_small"])
def test_dropout_is_left_out_or_has_its_rate(name: str) -> None:
    def rates(dropout: float) -> list[float]:
        model = build_model(name, (16, 16, 1), 4, dropout)
        return [layer.rate for layer in model.layers if layer.__class__.__name__ == "Dropout"]

    assert rates(0.0) == []
    assert rates(0.5)[-1] == 0.5


def test_the_article_needs_ten_pixels_a_side() -> None:
    assert build_model("article_cnn", (10, 10, 1), 2, 0.0).output_shape == (None, 2)
    with pytest.raises(TrainingError, match=r"(?s)article_cnn to fit images of \(9, 10, 1\).*Set data\.image"):
        build_model("article_cnn", (9, 10, 1), 2, 0.0)


def test_a_network_of_ones_own_is_found_in_the_projects_folder(project: Path) -> None:
    model = build_model(f"{project.name}.networks:small", (4, 5, 3), 7, 0.0)
    assert model.count_params() == 4 * 5 * 3 * 7 + 7


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("headless", r"from \(None, 4, 4, 1\) to \(None, 2\)\. Received: .*to \(None, 16\)"),
        ("other_size", r"Received: from \(None, 5, 4, 1\)"),
        ("subclassed", r"functional tf_keras model\. Received: .*Subclassed"),
        ("nothing", r"functional tf_keras model\. Received: builtins\.NoneType"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(project: Path, function: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        build_model(f"{project.name}.networks:{function}", (4, 4, 1), 2, 0.0)


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
        build_model(name.format(own=project.name), (4, 4, 1), 2, 0.0)
    assert "training.model" in str(caught.value)
    assert words in str(caught.value)
