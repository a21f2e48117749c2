import numpy as np
import pytest

from tasks.workloads.image.networks import BUILDERS


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("article_cnn", 167_562), ("resnet8", 78_666), ("mobilenet_small", 40_202), ("vgg_small", 163_666)],
)
def test_built_in_networks_have_the_size_that_is_written_down(name: str, parameters: int) -> None:
    model = BUILDERS[name]((32, 32, 3), 10, 0.0)
    assert model.count_params() == parameters


@pytest.mark.parametrize("name", ["article_cnn", "resnet8", "mobilenet_small", "vgg_small"])
def test_raw_pixels_go_in_and_logits_come_out(name: str) -> None:
    model = BUILDERS[name]((16, 16, 1), 4, 0.0)
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
        model = BUILDERS[name]((16, 16, 1), 4, dropout)
        return [layer.rate for layer in model.layers if layer.__class__.__name__ == "Dropout"]

    assert rates(0.0) == []
    assert rates(0.5)[-1] == 0.5
