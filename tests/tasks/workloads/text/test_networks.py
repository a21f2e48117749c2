"""Networks for texts: their form, and the files that become of them."""

from pathlib import Path

import numpy as np
import pytest
import tf_keras

from slimline import compress
from tasks.learning.conversion import to_tflite
from tasks.litert import LiteRTModel
from tasks.samples import Inputs, TensorSpec
from tasks.workloads.text.networks import BUILDERS

LENGTH, ROWS, CLASSES = 12, 60, 3
QUICK = {("float16", "lstm"), ("int8", "text_cnn")}
BECOME = {  # modes that each network must become; others may be refused with a reason
    "float16": BUILDERS,
    "int8": ("mean_embedding", "text_cnn", "lstm_unrolled", "gru"),
}
CASES = [
    pytest.param(mode, name, marks=() if (mode, name) in QUICK else pytest.mark.slow)
    for mode in BECOME
    for name in BECOME[mode]
]


def texts(count: int) -> np.ndarray:
    """Numbers of tokens, from texts of one token to full ones."""
    rng = np.random.default_rng(3)
    drawn, lengths = rng.integers(1, ROWS, (count, LENGTH)), rng.integers(1, LENGTH + 1, count)
    return np.where(np.arange(LENGTH) >= LENGTH - lengths[:, None], drawn, 0).astype(np.int32)


@pytest.mark.parametrize("name", BUILDERS)
def test_numbers_of_tokens_go_in_and_logits_come_out(name: str) -> None:
    tf_keras.utils.set_random_seed(1)
    model = BUILDERS[name](LENGTH, ROWS, CLASSES, 0.0)
    assert [(each.name, each.dtype, tuple(each.shape)) for each in model.inputs] == [
        ("tokens", "int32", (None, LENGTH))
    ]
    logits = model.predict(texts(8), verbose=0)
    assert logits.shape == (8, CLASSES)
    assert len(np.unique(logits.round(6), axis=0)) == 8
    dropped = BUILDERS[name](LENGTH, ROWS, CLASSES, 0.5)
    assert [layer.rate for layer in dropped.layers if layer.__class__.__name__ == "Dropout"] == [0.5]


def test_what_is_no_token_does_not_count_in_a_mean() -> None:
    tf_keras.utils.set_random_seed(1)
    model = BUILDERS["mean_embedding"](4, ROWS, CLASSES, 0.0)
    table = model.get_layer("table").get_weights()[0]
    kernel, bias = model.get_layer("logits").get_weights()
    given = model.predict(np.array([[0, 0, 5, 9]], np.int32), verbose=0)[0]
    np.testing.assert_allclose(given, (table[5] + table[9]) / 2 @ kernel + bias, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("mode", "name"), CASES)
def test_a_file_answers_alike_whatever_it_was_asked_before(mode: str, name: str, tmp_path: Path) -> None:
    tf_keras.utils.set_random_seed(1)
    model, asked = BUILDERS[name](LENGTH, ROWS, CLASSES, 0.0), texts(256)
    labels = model.predict(asked, verbose=0).argmax(axis=1)
    settings = {"calibration": 64} if mode == "int8" else {}
    made = compress(model, [{"technique": "quantize", "mode": mode, **settings}], ({"tokens": asked}, labels))
    loaded = LiteRTModel(made.write(tmp_path / "model.tflite"))
    order = np.random.default_rng(4).permutation(32)
    first, again = (loaded.predict(Inputs({"tokens": asked[:32]})) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(loaded.predict(Inputs({"tokens": asked[:32][order]})), first[order])
    assert (first.argmax(axis=1) == labels[:32]).mean() > (0.9 if mode == "float16" else 0.6)


@pytest.mark.parametrize(("table", "rows"), [("hashed", 8), ("quotient_remainder", 8 + 8)])
def test_tables_of_fewer_rows_give_each_token_what_their_papers_say(table: str, rows: int) -> None:
    tf_keras.utils.set_random_seed(1)
    model = BUILDERS["mean_max_embedding"](LENGTH, ROWS, CLASSES, 0.0, width=6, table=table, buckets=8)
    tables = [layer for layer in model.layers if isinstance(layer, tf_keras.layers.Embedding)]
    assert sum(layer.input_dim for layer in tables) == rows
    of_remainders = model.get_layer("table_of_remainders").get_weights()[0]
    meant = of_remainders[np.arange(ROWS) % 8]
    if table == "quotient_remainder":
        meant = meant * model.get_layer("table_of_quotients").get_weights()[0][np.arange(ROWS) // 8]
        assert len(np.unique(meant, axis=0)) == ROWS
    plain = BUILDERS["mean_max_embedding"](LENGTH, ROWS, CLASSES, 0.0, width=6)
    plain.set_weights([meant, *model.get_layer("logits").get_weights()])
    asked = texts(32)
    expected = plain.predict(asked, verbose=0)
    np.testing.assert_allclose(model.predict(asked, verbose=0), expected, rtol=1e-5, atol=1e-6)
    specs = (TensorSpec(name="tokens", dtype="int32", shape=(LENGTH,), low=0, high=ROWS - 1),)
    file = LiteRTModel(to_tflite(model, specs=specs))
    np.testing.assert_allclose(file.predict(asked), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(file.predict(asked[::-1].copy())[::-1], file.predict(asked))


def test_buckets_are_chosen_for_the_fewest_rows() -> None:
    model = BUILDERS["text_cnn"](LENGTH, 2000, CLASSES, 0.0, table="quotient_remainder")
    sizes = [layer.input_dim for layer in model.layers if isinstance(layer, tf_keras.layers.Embedding)]
    assert sorted(sizes) == [45, 45]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("text_cnn", {"table": "lookup"}, "hashed or quotient_remainder"),
        ("text_cnn", {"table": "hashed", "buckets": 60}, "fewer than 60 rows"),
        ("mean_embedding", {"table": "hashed"}, "passes over what is no token"),
    ],
)
def test_tables_that_make_no_sense_are_refused(name: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BUILDERS[name](LENGTH, ROWS, CLASSES, 0.0, **options)
