import pickle
import sys
from collections import Counter
from pathlib import Path

import pytest

from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import DataError, NotInstalled
from tasks.samples import PREPARED, read_assets, read_batches, read_contents
from tasks.workloads.text.pieces import PIECES, open_pieces, train_pieces
from tasks.workloads.text.reading import TextReading
from tasks.workloads.text.tokenizer import FILE
from tests.tasks.data_loading.test_texts import sentences, write_csv

WORDS = Counter(
    {"free": 50, "freedom": 5, "call": 40, "callback": 3, "prize": 30, "winner": 9, "win": 22, "kätzchen": 2}
)


def test_without_the_library_a_sentence_says_what_to_install(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    monkeypatch.setattr("tasks.extras._is_there", lambda module: module != "sentencepiece")
    source = write_csv(workspace / "mail.csv", sentences(50))
    data = data_of("text").model_validate(
        {"source": str(source), "workload": "text", "text": {"tokens": "sentencepiece"}}
    )
    with pytest.raises(NotInstalled, match=r"pip install 'slimline\[sentencepiece\]'"):
        prepare(data, current_listing(data))
    assert not PREPARED.exists()


def test_the_same_words_give_the_same_model_whatever_their_order() -> None:
    model = train_pieces(WORDS, 60)
    assert model == train_pieces(dict(sorted(WORDS.items())), 60)
    cut = open_pieces(model)
    assert cut.get_piece_size() <= 60
    assert cut.decode(cut.encode("free callback")) == "free callback"
    assert 0 in cut.encode("ж")


def test_fewer_pieces_than_characters_and_what_is_no_model_are_refused() -> None:
    with pytest.raises(ValueError, match="no pieces of words"):
        train_pieces(WORDS, 5)
    with pytest.raises(ValueError, match="no model of SentencePiece"):
        open_pieces(b"nonsense")


def test_a_device_makes_the_same_pieces_of_a_text_as_were_stored(workspace: Path) -> None:
    source = write_csv(workspace / "mail.csv", sentences(400))
    text = {"tokens": "sentencepiece", "rows": 60}
    data = data_of("text").model_validate({"source": str(source), "workload": "text", "text": text})
    dataset = prepare(data, current_listing(data))
    assets, reading = read_assets(), TextReading()
    assert set(assets) == {FILE, PIECES}
    assert dataset.inputs[0].high < 60
    assert any("SentencePiece has" in note for note in dataset.notes)
    again = pickle.loads(pickle.dumps(reading.learned(assets)))  # as another process gets it
    (inputs, _), (contents,) = next(read_batches("test", 1000)), list(read_contents("test", 1000))
    for stored, content in zip(inputs.arrays["tokens"], contents, strict=True):
        asked = reading.ask(content.decode(), dataset.inputs, assets)
        assert asked["tokens"].tolist() == stored.tolist() == again.encode([content])["tokens"][0].tolist()
    unknown = reading.ask("Ж", dataset.inputs, assets)["tokens"]
    assert 1 in unknown
    with pytest.raises(DataError, match=r"tokenizer\.json\.gz"):
        reading.learned({FILE: assets[FILE], PIECES: assets[PIECES][:-9]})
    with pytest.raises(DataError, match=r"tokenizer\.json\.gz"):
        reading.learned({FILE: assets[FILE]})
