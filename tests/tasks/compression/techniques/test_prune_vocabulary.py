"""Vocabularies cut by use: the network, its file, and the vocabulary that the candidate goes with."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Subject
from tasks.compression.techniques.prune_vocabulary import PruneVocabulary
from tasks.compression.vocabulary.keeping import own_assets
from tasks.errors import ConfigError, Unsuited
from tasks.learning.comparison import answers
from tasks.learning.renumbering import numbers_of
from tasks.litert import LiteRTModel
from tasks.samples import PREPARED, Dataset, Inputs, read_assets, read_batches, read_contents
from tasks.workloads.text.networks import BUILDERS
from tasks.workloads.text.tokenizer import FILE, Tokenizer
from tests.tasks.compression.cases import context
from tests.tasks.data_loading.test_texts import loaded, sentences, write_csv

KEPT = 6
PRUNE = {"technique": "prune_vocabulary", "rows": KEPT}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Texts of ten frequent words and many rare ones."""
    folder = tmp_path_factory.mktemp("texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield loaded(write_csv(folder / "texts.csv", sentences(300)))


def network(dataset: Dataset, name: str = "text_cnn") -> Any:
    set_seed(4)
    (tokens,) = dataset.inputs
    model = BUILDERS[name](tokens.shape[0], int(tokens.high) + 1, 2, 0.0)
    table = model.get_layer("table")
    table.set_weights([np.random.default_rng(1).normal(0, 1, table.get_weights()[0].shape)])
    return model


def carried_out(steps: list[dict[str, Any]], model: Any, folder: Path) -> tuple[bytes, Candidate]:
    recipe = parse_recipe("small", steps, workload="text")
    return run_recipe("small", recipe, model, context(PREPARED), folder)


def texts() -> list[str]:
    return [content.decode() for chunk in read_contents("validation", 50) for content in chunk]


def in_own_numbers(candidate: Candidate) -> Inputs:
    tokenizer = Tokenizer.of_bytes(own_assets(candidate.ids_kept)[FILE])
    return Inputs({"tokens": tokenizer.encode(texts())})


def validation() -> Inputs:
    ((inputs, _),) = list(read_batches("validation", 1000))
    return inputs


def counted() -> Counter[str]:
    read = (content.decode() for chunk in read_contents("train", 50) for content in chunk)
    return Counter(word for text in read for word in text.split())


def test_the_most_used_words_stay_and_all_others_are_unknown(dataset: Dataset, tmp_path: Path) -> None:
    _, candidate = carried_out([PRUNE], network(dataset), tmp_path)
    tokenizer = Tokenizer.of_bytes(own_assets(candidate.ids_kept)[FILE])
    assert set(tokenizer.vocabulary) == {word for word, _ in counted().most_common(KEPT)}
    assert tokenizer.rows == KEPT + 2
    assert len(own_assets(candidate.ids_kept)[FILE]) < len(read_assets()[FILE])
    assert tokenizer.numbers_of("nothing of this is known") == [1] * 5


@pytest.mark.parametrize(
    "name", ["text_cnn", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lstm", "mean_embedding"))]
)
def test_the_file_gives_for_new_numbers_what_the_network_gives_for_the_old_ones(
    dataset: Dataset, tmp_path: Path, name: str
) -> None:
    model = network(dataset, name)
    pruned = PruneVocabulary.model_validate(PRUNE).apply(Subject(model), context(PREPARED)).subject.network
    assert pruned.get_layer("table").get_weights()[0].shape == (KEPT + 2, 16)
    flatbuffer, candidate = carried_out([PRUNE], model, tmp_path)
    expected = answers(pruned, validation())
    np.testing.assert_allclose(LiteRTModel(flatbuffer).predict(in_own_numbers(candidate)), expected, atol=1e-5)
    assert np.array(numbers_of(pruned), np.int32).tobytes() not in flatbuffer
    known = set(candidate.ids_kept) | {0, 1}
    unchanged = [row for row in range(len(expected)) if set(validation().arrays["tokens"][row].tolist()) <= known]
    np.testing.assert_allclose(expected[unchanged], answers(model, validation())[unchanged], atol=1e-5)


def test_what_is_unknown_gets_the_mean_of_the_rows_that_go(dataset: Dataset) -> None:
    model = network(dataset)
    before = model.get_layer("table").get_weights()[0]
    pruned = PruneVocabulary.model_validate(PRUNE).apply(Subject(model), context(PREPARED)).subject.network
    numbers, after = np.array(numbers_of(pruned)), pruned.get_layer("table").get_weights()[0]
    seen = np.concatenate([inputs.arrays["tokens"].reshape(-1) for inputs, _ in read_batches("train", 50)])
    weights = np.maximum(np.bincount(seen, minlength=len(numbers)), 1)
    gone = numbers == 1
    np.testing.assert_allclose(after[1], np.average(before[gone], axis=0, weights=weights[gone]), rtol=1e-5)
    np.testing.assert_array_equal(after[2:], before[np.flatnonzero(numbers > 1)])


def test_steps_behind_it_train_and_store_the_smaller_network(dataset: Dataset, tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [
        PRUNE,
        {"technique": "fine_tune", "epochs": 1},
        {"technique": "quantize", "mode": "int4", "calibration": 50},
        {"technique": "pack"},
    ]
    model = network(dataset)
    flatbuffer, candidate = carried_out(steps, model, tmp_path)
    again, same = carried_out(steps, model, tmp_path)
    assert (again, same.ids_kept) == (flatbuffer, candidate.ids_kept)
    last = {state.layer: state for state in candidate.steps[-1].layers}
    assert (last["table"].dtype, last["table"].shape) == ("int4", (KEPT + 2, 16))
    assert LiteRTModel(flatbuffer).predict(in_own_numbers(candidate)).shape == (len(texts()), 2)


def test_a_student_of_another_architecture_learns_by_the_same_numbers(dataset: Dataset, tmp_path: Path) -> None:
    student: dict[str, Any] = {"model": "mean_embedding", "options": {"width": 4}}
    steps = [PRUNE, {"technique": "distill", "epochs": 2, "student": student}]
    flatbuffer, candidate = carried_out(steps, network(dataset), tmp_path)
    assert {state.layer: state.shape for state in candidate.steps[-1].layers}["table"] == (KEPT + 2, 4)
    assert LiteRTModel(flatbuffer).predict(in_own_numbers(candidate)).shape == (len(texts()), 2)


@pytest.mark.parametrize("covered", [0.5, 0.9])
def test_as_many_stay_as_cover_the_samples(dataset: Dataset, covered: float) -> None:
    technique = PruneVocabulary.model_validate({"technique": "prune_vocabulary", "covered": covered})
    details = technique.apply(Subject(network(dataset)), context(PREPARED)).details
    counts = sorted(counted().values(), reverse=True)
    fewest = next(many for many in range(1, len(counts)) if sum(counts[:many]) >= covered * sum(counts))
    assert details["ids_kept"] == fewest
    assert details["covered"] == pytest.approx(sum(counts[:fewest]) / sum(counts), abs=0.01)


def test_what_has_no_vocabulary_is_refused(dataset: Dataset, prepared: Path, tiny: Any) -> None:
    technique = PruneVocabulary.model_validate(PRUNE)
    with pytest.raises(Unsuited, match="the workload image, which has none"):
        technique.apply(Subject(tiny), context(prepared))
    with pytest.raises(Unsuited, match="Ask for fewer"):
        PruneVocabulary.model_validate({**PRUNE, "rows": 5000}).apply(Subject(network(dataset)), context(PREPARED))
    once = technique.apply(Subject(network(dataset)), context(PREPARED)).subject
    with pytest.raises(Unsuited, match="prune_vocabulary once"):
        technique.apply(once, context(PREPARED))
    with pytest.raises(ConfigError, match="one of rows and covered"):
        parse_recipe("r", [{"technique": "prune_vocabulary"}])


def test_ids_that_something_else_reads_are_refused(dataset: Dataset) -> None:
    layers, ids = keras().layers, keras().Input(dataset.inputs[0].shape, dtype="int32", name="tokens")
    rows = layers.Embedding(int(dataset.inputs[0].high) + 1, 4, name="table")(ids)
    numbers = layers.Lambda(lambda each: keras().backend.cast(each, "float32"), name="raw")(ids)
    joined = layers.Concatenate()([layers.Flatten()(rows), numbers])
    with pytest.raises(Unsuited, match="Received: raw"):
        PruneVocabulary.model_validate(PRUNE).apply(
            Subject(keras().Model(ids, layers.Dense(2)(joined))), context(PREPARED)
        )


def test_hashed_words_have_no_vocabulary_to_prune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hashed = loaded(write_csv(tmp_path / "texts.csv", sentences(60)), tokens="hashed_words", rows=50)
    with pytest.raises(Unsuited, match="hashed_words have no vocabulary"):
        PruneVocabulary.model_validate(PRUNE).apply(Subject(network(hashed)), context(PREPARED))
