"""A release in production that has learned other words is asked about the same texts in its own way."""

from pathlib import Path

import numpy as np
import pytest

from tasks.compression.records import candidate_model, write_own_assets
from tasks.errors import EvaluationError
from tasks.evaluation.asking import as_asked, batches, inputs_of, own_assets_of, own_reader
from tasks.evaluation.records import BASELINE, PRODUCTION_TFLITE
from tasks.samples import Dataset, read_assets, read_contents
from tasks.workloads.text.tokenizer import FILE, Tokenizer
from tests.tasks.data_loading.test_texts import loaded, sentences, write_csv

ASSETS = PRODUCTION_TFLITE.parent / "assets"


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Texts that were prepared, beside a release that had learned of others, and of fewer tokens."""
    monkeypatch.chdir(tmp_path)
    loaded(write_csv(tmp_path / "old.csv", [(f"old {text}", label) for text, label in sentences(200)]), length=5)
    ASSETS.mkdir(parents=True)
    (ASSETS / FILE).write_bytes(read_assets()[FILE])
    return loaded(write_csv(tmp_path / "new.csv", sentences(300)))


def test_production_is_asked_about_the_same_texts_in_its_own_way(dataset: Dataset) -> None:
    theirs = Tokenizer.of_bytes((ASSETS / FILE).read_bytes())
    (spec,) = inputs_of(PRODUCTION_TFLITE, dataset)
    assert (spec.shape, spec.high) == ((5,), theirs.rows - 1)
    contents = [content.decode() for chunk in read_contents("validation", 7) for content in chunk]
    asked = list(batches(PRODUCTION_TFLITE, dataset, "validation", 7))
    taken = np.concatenate([batch.taken.arrays["tokens"] for batch in asked])
    np.testing.assert_array_equal(taken, theirs.encode(contents))
    mine = list(batches(Path("models") / f"{BASELINE}.tflite", dataset, "validation", 7))
    for batch, own in zip(asked, mine, strict=True):
        assert batch.prepared.tobytes() == own.prepared.tobytes() == own.taken.tobytes()
        np.testing.assert_array_equal(batch.targets, own.targets)


def test_a_release_that_has_learned_the_same_is_asked_as_the_others_are(dataset: Dataset) -> None:
    (ASSETS / FILE).write_bytes(read_assets()[FILE])
    assert own_reader(PRODUCTION_TFLITE, dataset) is None
    assert inputs_of(PRODUCTION_TFLITE, dataset) == dataset.inputs


def test_a_damaged_tokenizer_of_a_release_is_said(dataset: Dataset) -> None:
    (ASSETS / FILE).write_bytes(b"damaged")
    with pytest.raises(EvaluationError, match=f"release with {FILE}"):
        own_reader(PRODUCTION_TFLITE, dataset)


def test_a_candidate_that_knows_fewer_words_is_asked_by_its_own_vocabulary(dataset: Dataset) -> None:
    whole = Tokenizer.of_bytes(read_assets()[FILE])
    fewer = whole.keeping([2, 5])
    write_own_assets("small", {FILE: fewer.to_bytes()})
    path = candidate_model("small")
    assert as_asked(path, dataset).inputs[0].high == 3
    assert [asset.bytes for asset in as_asked(path, dataset).assets] == [len(fewer.to_bytes())]
    assert own_assets_of(path) == {FILE: fewer.to_bytes()}
    contents = [content.decode() for chunk in read_contents("validation", 7) for content in chunk]
    taken = np.concatenate([batch.taken.arrays["tokens"] for batch in batches(path, dataset, "validation", 7)])
    np.testing.assert_array_equal(taken, fewer.encode(contents))
    write_own_assets("small", {})  # as of a recipe that keeps all words
    assert own_reader(path, dataset) is None
    assert as_asked(path, dataset) == dataset
    assert own_assets_of(path) == read_assets()
