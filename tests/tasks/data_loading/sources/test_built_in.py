import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tasks.data_loading.sources import docstrings, open_source
from tasks.data_loading.sources.cifar10 import CLASSES
from tasks.errors import SourceError
from tasks.workloads.image.reading import FILES
from tasks.workloads.items import RawSample

OFFLINE = """
from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
try:
    next(open_source("cifar10").items(FILES.take))
except SourceError as error:
    print(error)
"""


def test_the_digits_are_scikit_learns_enlarged() -> None:
    digits = load_digits()
    found = [item for item in open_source("digits").items(FILES.take) if isinstance(item, RawSample)]
    assert [sample.label for sample in found] == [str(label) for label in digits.target]
    assert len({sample.name for sample in found}) == len(found) == 1797
    for sample, original in zip(found, digits.images, strict=True):
        image = np.asarray(sample.payload)
        assert image.shape == (16, 16)
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            assert np.array_equal(image[down::2, right::2], np.floor(original * 255 / 16))


@pytest.mark.slow
def test_cifar10_without_a_network_says_what_to_do(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "KERAS_HOME": str(tmp_path),
            "https_proxy": nowhere,
            "http_proxy": nowhere,
            "TF_USE_LEGACY_KERAS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Expected to download CIFAR-10" in run.stdout
    assert "set data.source" in run.stdout


def test_cifar10_gives_kerass_arrays_with_names(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 32, 32, 3), np.uint8)
    labels = (np.arange(20) % 10).reshape(20, 1)
    halves = (images[:10], labels[:10]), (images[10:], labels[10:])
    monkeypatch.setattr("tasks.data_loading.sources.cifar10._download", lambda: halves)
    found = [item for item in open_source("cifar10").items(FILES.take) if isinstance(item, RawSample)]
    assert Counter(sample.split for sample in found) == {"train": 10, "test": 10}
    assert [sample.label for sample in found] == [*CLASSES, *CLASSES]
    assert found[13].name == "test/cat/00003"
    assert np.array_equal(np.asarray(found[13].payload), images[13])


def test_docstrings_are_sentences_of_three_libraries() -> None:
    source = open_source("docstrings")
    found = [item for item in source.items(FILES.take) if isinstance(item, RawSample)]
    assert {item.label for item in found} == {"numpy", "scipy", "sklearn"}
    assert len(found) > 4000
    assert len({item.name for item in found}) == len(found)
    sentences = {bytes(item.payload).decode(): item.label for item in found}
    assert sentences["Ordinary least squares Linear Regression."] == "sklearn"
    assert source.listing() == open_source("docstrings").listing()


def test_a_library_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstrings, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match="Expected numpy"):
        open_source("docstrings").listing()
