from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
from tasks.workloads.image.reading import FILES
from tasks.workloads.items import RawSample

X = np.random.default_rng(1).integers(0, 256, (700, 20, 30, 3), np.uint8)  # more than one chunk
Y = np.arange(700) % 3


def samples(path: Path, **arrays: Any) -> list[RawSample]:
    np.savez_compressed(path, **arrays)
    return [item for item in open_source(str(path)).items(FILES.take) if isinstance(item, RawSample)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.npz"


def test_kerass_names_declare_the_splits(path: Path) -> None:
    found = samples(path, x_train=X, y_train=Y, x_test=X[:5], y_test=Y[:5])
    assert [sample.split for sample in found] == ["train"] * 700 + ["test"] * 5
    assert found[701].name == "x_test[1]"
    for sample, image, label in zip(found, X, Y, strict=False):
        assert np.array_equal(np.asarray(sample.payload), image)
        assert sample.label == str(label)


@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
def test_other_names_declare_nothing(path: Path, names: tuple[str, str]) -> None:
    found = samples(path, **{names[0]: X[:9], names[1]: Y[:9].reshape(9, 1)})
    assert [(sample.label, sample.split) for sample in found] == [(str(label), None) for label in Y[:9]]


def test_classes_have_the_names_that_are_given(path: Path) -> None:
    assert samples(path, x=X[:3], y=Y[:3], classes=np.array(["cat", "dog", "eel"]))[2].label == "eel"
    assert samples(path, x=X[:3], y=np.array(["cat", "dog", "eel"]))[1].label == "dog"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X}, "arrays named a"),
        ({"x": X}, "arrays named x"),
        ({"x": X[:3].astype(np.float32), "y": Y[:3]}, "float32"),
        ({"x": X[0, :, :, 0], "y": Y[:20]}, r"shape \[20, 30\]"),
        ({"x": X[:3], "y": Y[:4]}, "3 images and 4 labels"),
        ({"x": X[:3], "y": np.eye(3)}, "float64"),
        ({"x": X[:3], "y": np.eye(3, dtype=np.int64)}, r"shape \[3, 3\]"),
        ({"x": np.asfortranarray(X[:3]), "y": Y[:3]}, "Fortran"),
        ({"x": X[:3], "y": np.array([0, {}, 2], dtype=object)}, "pickled objects"),
        ({"x": X[:3], "y": Y[:3], "classes": np.array(["cat"])}, "the label 1 and 1 classes"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        samples(path, **arrays)
