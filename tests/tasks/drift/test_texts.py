"""Texts that drift: their length and their unknown words, by the tokenizer of the release."""

from pathlib import Path

import numpy as np
import pytest

from tasks.drift.files import profile_files
from tasks.drift.profiling import profile_prepared
from tasks.errors import DataError
from tasks.samples import read_assets
from tasks.workloads.protocol import LearnedReader
from tasks.workloads.text.reading import TextReading
from tasks.workloads.text.settings import TextSettings
from tests.tasks.data_loading.test_texts import loaded, sentences, write_csv

UNKNOWN, LENGTH = "unknown tokens", "tokens of a text"


@pytest.fixture
def reader(workspace: Path) -> LearnedReader:
    """The reader of a release whose training texts have about eight words."""
    loaded(write_csv(workspace / "old.csv", sentences(300)))
    return TextReading().learned(read_assets())


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_new_words_are_unknown_by_the_release_s_tokenizer_and_known_by_the_new_one(
    workspace: Path, reader: LearnedReader
) -> None:
    loaded(write_csv(workspace / "new.csv", [(text.replace("o", "xo"), label) for text, label in sentences(300)]))
    theirs, mine = profile_prepared(reader=reader), profile_prepared()
    assert np.argmax(theirs.statistics[UNKNOWN].counts) > 3
    assert np.argmax(mine.statistics[UNKNOWN].counts) == 0
    assert theirs.samples == mine.samples
    assert theirs.classes == mine.classes


def test_collected_texts_need_no_labels(workspace: Path, reader: LearnedReader) -> None:
    like = profile_prepared()
    folder = workspace / "collected"
    folder.mkdir()
    (folder / "a.csv").write_text("id,text\n" + "".join(f"{n},{text}\n" for n, (text, _) in enumerate(sentences(40))))
    (folder / "b.jsonl").write_text('{"text": "ok later"}\n{"text": ""}\n[]\n')
    (folder / "c.txt").write_text("win a prize")
    (folder / "broken.csv").write_text("other\nx\n")
    profile, passed = profile_files(folder, like, reader, TextSettings())
    assert (profile.samples, profile.classes, passed.count) == (42, {}, 3)
    assert profile.statistics[LENGTH].counts[0] == 0


def test_collected_texts_with_labels_have_class_shares(workspace: Path, reader: LearnedReader) -> None:
    like = profile_prepared()
    write_csv(workspace / "collected" / "a.csv", sentences(40))
    (workspace / "collected" / "spam").mkdir()
    (workspace / "collected" / "spam" / "1.txt").write_text("free prize")
    profile, _ = profile_files(workspace / "collected", like, reader, TextSettings())
    assert sum(profile.classes.values()) == profile.samples == 41


def test_a_folder_without_texts_says_so(workspace: Path, reader: LearnedReader) -> None:
    (workspace / "collected").mkdir()
    with pytest.raises(DataError, match="no files"):
        profile_files(workspace / "collected", profile_prepared(), reader, TextSettings())
