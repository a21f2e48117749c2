"""Vocabularies cut by use: the network, its file, and the vocabulary that the candidate goes with."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate
from tasks.compression.technique import Subject
from tasks.compression.techniques.prune_vocabulary import PruneVocabulary
from tasks.compression.vocabulary.keeping import own_assets
from tasks.errors import ConfigError, Unsuited
from tasks.learning.comparison import answers
from tasks.learning.renumbering import numbers_of
from tasks.litert import LiteRTModel
from tasks.samples import Inputs, read_assets, read_batches, read_dataset
from tasks.workloads.text.networks import BUILDERS
from tasks.workloads.text.tokenizer import FILE, Tokenizer
from tests.tasks.compression.cases import context
from tests.tasks.compression.texts import carried_out, contents, network, tokens
from tests.tasks.data_loading.test_texts import loaded, sentences, write_csv
from tests.tasks.training.material import tiny

KEPT = 6
PRUNE = {"technique": "prune_vocabulary", "rows": KEPT}


def own_tokenizer(candidate: Candidate, folder: Path) -> Tokenizer:
    return Tokenizer.of_bytes(own_assets(candidate.ids_kept, folder)[FILE])


def in_own_numbers(candidate: Candidate, folder: Path) -> Inputs:
    return Inputs({"tokens": own_tokenizer(candidate, folder).encode(contents(folder))})


def counted(folder: Path) -> Counter[str]:
    return Counter(word for text in contents(folder, "train") for word in text.split())


def pruned(model: Any, folder: Path) -> Any:
    return PruneVocabulary.model_validate(PRUNE).apply(Subject(model), context(folder)).subject.network


def test_the_most_used_words_stay_and_all_others_are_unknown(texts: Path) -> None:
    _, candidate = carried_out([PRUNE], network(texts), texts)
    tokenizer = own_tokenizer(candidate, texts)
    assert set(tokenizer.vocabulary) == {word for word, _ in counted(texts).most_common(KEPT)}
    assert tokenizer.rows == KEPT + 2
    assert len(tokenizer.to_bytes()) < len(read_assets(texts)[FILE])
    assert tokenizer.numbers_of("nothing of this is known") == [1] * 5


@pytest.mark.parametrize(
    "name", ["text_cnn", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lstm", "mean_embedding"))]
)
def test_the_file_gives_for_new_numbers_what_the_network_gives_for_the_old_ones(texts: Path, name: str) -> None:
    model = network(texts, name)
    fewer = pruned(model, texts)
    assert fewer.get_layer("table").get_weights()[0].shape == (KEPT + 2, 16)
    flatbuffer, candidate = carried_out([PRUNE], model, texts)
    expected = answers(fewer, tokens(texts))
    np.testing.assert_allclose(LiteRTModel(flatbuffer).predict(in_own_numbers(candidate, texts)), expected, atol=1e-5)
    assert np.array(numbers_of(fewer), np.int32).tobytes() not in flatbuffer
    known = set(candidate.ids_kept) | {0, 1}
    unchanged = [row for row in range(len(expected)) if set(tokens(texts).arrays["tokens"][row].tolist()) <= known]
    np.testing.assert_allclose(expected[unchanged], answers(model, tokens(texts))[unchanged], atol=1e-5)


def test_what_is_unknown_gets_the_mean_of_the_rows_that_go(texts: Path) -> None:
    model = network(texts)
    before = model.get_layer("table").get_weights()[0]
    fewer = pruned(model, texts)
    numbers, after = np.array(numbers_of(fewer)), fewer.get_layer("table").get_weights()[0]
    seen = np.concatenate([inputs.arrays["tokens"].reshape(-1) for inputs, _ in read_batches("train", 50, texts)])
    weights = np.maximum(np.bincount(seen, minlength=len(numbers)), 1)
    gone = numbers == 1
    np.testing.assert_allclose(after[1], np.average(before[gone], axis=0, weights=weights[gone]), rtol=1e-5)
    np.testing.assert_array_equal(after[2:], before[np.flatnonzero(numbers > 1)])


def test_steps_behind_it_train_and_store_the_smaller_network(texts: Path, tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [
        PRUNE,
        {"technique": "fine_tune", "epochs": 1},
        {"technique": "quantize", "mode": "int4", "calibration": 50},
        {"technique": "pack"},
    ]
    model = network(texts)
    flatbuffer, candidate = carried_out(steps, model, texts, tmp_path)
    again, same = carried_out(steps, model, texts, tmp_path)
    assert (again, same.ids_kept) == (flatbuffer, candidate.ids_kept)
    last = {state.layer: state for state in candidate.steps[-1].layers}
    assert (last["table"].dtype, last["table"].shape) == ("int4", (KEPT + 2, 16))
    assert LiteRTModel(flatbuffer).predict(in_own_numbers(candidate, texts)).shape == (len(contents(texts)), 2)


def test_a_student_of_another_architecture_learns_by_the_same_numbers(texts: Path) -> None:
    student: dict[str, Any] = {"model": "mean_embedding", "options": {"width": 4}}
    steps = [PRUNE, {"technique": "distill", "epochs": 2, "student": student}]
    flatbuffer, candidate = carried_out(steps, network(texts), texts)
    assert {state.layer: state.shape for state in candidate.steps[-1].layers}["table"] == (KEPT + 2, 4)
    assert LiteRTModel(flatbuffer).predict(in_own_numbers(candidate, texts)).shape == (len(contents(texts)), 2)


@pytest.mark.parametrize("covered", [0.5, 0.9])
def test_as_many_stay_as_cover_the_samples(texts: Path, covered: float) -> None:
    technique = PruneVocabulary.model_validate({"technique": "prune_vocabulary", "covered": covered})
    details = technique.apply(Subject(network(texts)), context(texts)).details
    counts = sorted(counted(texts).values(), reverse=True)
    fewest = next(many for many in range(1, len(counts)) if sum(counts[:many]) >= covered * sum(counts))
    assert details["ids_kept"] == fewest
    assert details["covered"] == pytest.approx(sum(counts[:fewest]) / sum(counts), abs=0.01)


def test_what_has_no_vocabulary_is_refused(texts: Path, prepared: Path) -> None:
    technique = PruneVocabulary.model_validate(PRUNE)
    with pytest.raises(Unsuited, match="the workload image, which has none"):
        technique.apply(Subject(tiny()), context(prepared))
    with pytest.raises(Unsuited, match="Ask for fewer"):
        PruneVocabulary.model_validate({**PRUNE, "rows": 5000}).apply(Subject(network(texts)), context(texts))
    once = technique.apply(Subject(network(texts)), context(texts)).subject
    with pytest.raises(Unsuited, match="prune_vocabulary once"):
        technique.apply(once, context(texts))
    with pytest.raises(ConfigError, match="one of rows and covered"):
        parse_recipe("r", [{"technique": "prune_vocabulary"}])


def test_ids_that_something_else_reads_are_refused(texts: Path) -> None:
    layers, ids = keras().layers, keras().Input(read_dataset(texts).inputs[0].shape, dtype="int32", name="tokens")
    rows = layers.Embedding(int(read_dataset(texts).inputs[0].high) + 1, 4, name="table")(ids)
    numbers = layers.Lambda(lambda each: keras().backend.cast(each, "float32"), name="raw")(ids)
    joined = layers.Concatenate()([layers.Flatten()(rows), numbers])
    with pytest.raises(Unsuited, match="Received: raw"):
        PruneVocabulary.model_validate(PRUNE).apply(
            Subject(keras().Model(ids, layers.Dense(2)(joined))), context(texts)
        )


def test_hashed_words_have_no_vocabulary_to_prune(tmp_path: Path) -> None:
    hashed = tmp_path / "prepared"
    loaded(write_csv(tmp_path / "texts.csv", sentences(60)), hashed, tokens="hashed_words", rows=50)
    with pytest.raises(Unsuited, match="hashed_words have no vocabulary"):
        PruneVocabulary.model_validate(PRUNE).apply(Subject(network(hashed)), context(hashed))


def composed(folder: Path) -> Any:
    dataset = read_dataset(folder)
    (spec,) = dataset.inputs
    options = {"width": 8, "table": "quotient_remainder"}
    return BUILDERS["mean_max_embedding"](spec.shape[0], int(spec.high) + 1, 2, 0.0, **options)


def test_a_composed_table_has_no_row_of_a_word_to_take_out(texts: Path) -> None:
    with pytest.raises(Unsuited, match=r"Embedding layers alone\. Received: tf\."):
        pruned(composed(texts), texts)


def test_the_tables_of_a_composition_are_stored_in_few_bits(texts: Path) -> None:
    model = composed(texts)
    flatbuffer, candidate = carried_out(
        [{"technique": "quantize", "mode": "int4", "exclude": ["logits"]}], model, texts
    )
    tables = {layer.layer: layer.dtype for layer in candidate.steps[-1].layers}
    assert tables == {"table_of_remainders": "int4", "table_of_quotients": "int4", "logits": "float32"}
    asked = tokens(texts)
    expected, given = answers(model, asked), LiteRTModel(flatbuffer).predict(asked)
    assert np.corrcoef(expected.ravel(), given.ravel())[0, 1] > 0.98


def test_a_student_with_a_composed_table_knows_the_words_that_were_kept(texts: Path) -> None:
    student = {"model": "mean_max_embedding", "options": {"width": 8, "table": "quotient_remainder", "buckets": 3}}
    steps: list[dict[str, Any]] = [
        PRUNE,
        {"technique": "distill", "student": student, "epochs": 1},
        {"technique": "convert"},
    ]
    flatbuffer, candidate = carried_out(steps, network(texts), texts)
    asked = in_own_numbers(candidate, texts)
    given = LiteRTModel(flatbuffer).predict(asked)
    order = np.arange(len(asked))[::-1]
    np.testing.assert_array_equal(LiteRTModel(flatbuffer).predict(asked[order])[order], given)
    assert candidate.ids_kept
    assert len(np.unique(given, axis=0)) > 10
