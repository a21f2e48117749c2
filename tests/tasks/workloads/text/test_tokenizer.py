"""Tokenizers: numbers of tokens, and the file in which they go with a release."""

import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.workloads.text.folding import Folding, all_characters, characters_of
from tasks.workloads.text.settings import TextSettings
from tasks.workloads.text.tokenizer import Tokenizer
from tasks.workloads.text.vocabulary import TokenCounts, count_tokens, learn_tokenizer

TEXTS = ["the cat sat", "The dog sat!", "a cat and the dog", "x"]


def learned(*texts: str, **settings: Any) -> Tokenizer:
    wanted = TextSettings.model_validate(settings)
    return learn_tokenizer(
        count_tokens((text.encode("utf-8", "surrogatepass") for text in texts or TEXTS), wanted), wanted, "14.0.0"
    )[0]


def test_words_that_are_there_often_enough_are_known_and_short_texts_have_zeros_in_front() -> None:
    tokenizer = learned(length=4)
    assert tokenizer.vocabulary == ("cat", "dog", "sat", "the")
    assert tokenizer.encode(["The cat, sat", "dog", "", "the cat sat on the dog"]).tolist() == [
        [5, 2, 1, 4],
        [0, 0, 0, 3],
        [0, 0, 0, 0],
        [5, 2, 4, 1],
    ]
    assert tokenizer.rows == 6


def test_the_most_frequent_words_are_taken_where_there_is_room_for_a_few() -> None:
    assert learned(rows=4, min_count=1).vocabulary == ("cat", "the")
    with pytest.raises(ValueError, match="no token that is there 5 times"):
        learned(min_count=5)


def test_the_length_is_that_of_nearly_all_texts() -> None:
    texts = ["word"] * 980 + ["many " * 30] * 15 + ["too many " * 400] * 5
    assert learned(*texts).length == 32
    assert learned(*texts, length=10).length == 10


def test_hashed_words_need_no_vocabulary() -> None:
    tokenizer = learned(tokens="hashed_words", rows=100, length=3)
    assert tokenizer.vocabulary == ()
    assert tokenizer.encode(["the cat"]).tolist() == [[0, 2 + zlib.crc32(b"the") % 98, 2 + zlib.crc32(b"cat") % 98]]
    assert tokenizer.encode(["the cat"]).tolist() == tokenizer.encode(["The CAT"]).tolist()


def test_characters_may_be_tokens() -> None:
    tokenizer = learned(tokens="characters", min_count=1, length=5)
    assert tokenizer.vocabulary[0] == " "
    assert np.count_nonzero(tokenizer.encode(["a x"])) == 3


@pytest.mark.parametrize("tokens", ["words", "characters", "hashed_words"])
def test_a_tokenizer_goes_through_its_file(tokens: str) -> None:
    tokenizer = learned("Ünïcode 漢字", *TEXTS, tokens=tokens, min_count=1)
    content = tokenizer.to_bytes()
    again = Tokenizer.of_bytes(content)
    assert again.to_bytes() == content
    texts = ["the cat 漢 ünicode дом", *TEXTS]
    assert again.encode(texts).tolist() == tokenizer.encode(texts).tolist()


def packed(**changes: Any) -> bytes:
    content = json.loads(gzip.decompress(learned().to_bytes())) | changes
    return gzip.compress(json.dumps({name: value for name, value in content.items() if value is not None}).encode())


DAMAGED = [
    b"",
    b"{}",
    gzip.compress(b"[1]"),
    gzip.compress(b"\xff"),
    gzip.compress(b"[" * 100_000),
    learned().to_bytes()[:-8],
    learned().to_bytes() + b"more",
    packed(format=2),
    packed(kind="syllables"),
    packed(kind=["words"]),
    packed(length=0),
    packed(length=True),
    packed(length=1e3),
    packed(rows=3),
    packed(rows=1 << 40),
    packed(characters=None),
    packed(characters=["0\t1w"]),
    packed(characters=5),
    packed(vocabulary="~"),
    packed(vocabulary=7),
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_what_is_no_tokenizer_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Tokenizer.of_bytes(content)


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.workloads.text.tokenizer.MAX_FILE", 1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        Tokenizer.of_bytes(gzip.compress(bytes(100_000)))


def test_rare_words_are_forgotten_while_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.workloads.text.vocabulary.MOST_COUNTED", 100)
    settings = TextSettings(digits="keep")
    counts = TokenCounts()
    for number in range(10):
        counts.merge(count_tokens((b"often word%dx%d" % (number, each) for each in range(99)), settings))
    tokenizer, notes = learn_tokenizer(counts, settings, "14.0.0")
    assert tokenizer.vocabulary == ("often",)
    assert any("were forgotten" in note for note in notes)


@given(st.lists(st.text() | st.text(st.characters(max_codepoint=127)), max_size=6), st.booleans(), st.booleans())
def test_many_texts_at_once_give_what_one_by_one_does(texts: list[str], ascii_alone: bool, whole: bool) -> None:
    given_texts = [text for text in texts if text.isascii()] if ascii_alone else texts
    contents = [text.encode("utf-8", "surrogatepass") for text in given_texts]
    characters = all_characters(Folding(digits=whole))
    words, counts = characters.words_of_each(contents)
    assert counts == [len(characters.words(text)) for text in given_texts]
    assert words == [word for text in given_texts for word in characters.words(text)]
    assert characters.spaced_each(contents) == [" ".join(characters.words(text)).encode() for text in given_texts]
    for kind in ("words", "characters", "hashed_words"):
        tokenizer = Tokenizer(kind, 5, 9, characters_of((), Folding()), ("0", "a", "b", "c", "e", "x", "y"), "14.0.0")
        np.testing.assert_array_equal(tokenizer.encode_all(contents), tokenizer.encode(given_texts))
