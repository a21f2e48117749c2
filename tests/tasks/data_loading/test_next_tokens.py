"""Texts on their way to shards where the next token is told: windows, their splits, and what a device goes on with."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.drift.files import _learned as drawn_for_drift
from tasks.errors import DataError
from tasks.samples import PREPARED, SPLITS, Dataset, SplitName, read_assets, read_batches, read_contents
from tasks.workloads import WORKLOADS
from tasks.workloads.rereading import learned_reader, read_as
from tasks.workloads.text.next_token.reading import NextTokenReading
from tasks.workloads.text.next_token.settings import NextTokenSettings
from tasks.workloads.text.next_token.windows import MOST_WINDOWS, Window, window_of, windows
from tasks.workloads.text.tokenizer import FILE, Tokenizer

WORKLOAD = next(name for name in WORKLOADS if "/" in name)
NAMES = ["ann", "bob", "eve", "joe", "kim", "lea", "max", "ned", "pam", "ray"]
DOES = ["sees", "asks", "hears", "likes"]


def sentences(count: int) -> list[str]:
    return [
        f"{NAMES[number % 10]} {DOES[number // 10 % 4]} {NAMES[number // 40 % 10]}, and rare{chr(97 + number % 26)}"
        f"{chr(97 + number // 26 % 26)} too."
        for number in range(count)
    ]


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("\n".join(["text", *(f'"{text}"' for text in texts)]) + "\n", encoding="utf-8")
    return path


def loaded(source: Path | str, folder: Path = PREPARED, **text: Any) -> Dataset:
    values = {"source": str(source), "workload": WORKLOAD, "text": {"min_count": 2, **text}}
    data = data_of(WORKLOAD).model_validate(values)
    return prepare(data, current_listing(data), folder)


def stored(split: SplitName, kind: Any = "words", folder: Path = PREPARED) -> list[tuple[Window, np.ndarray, Any]]:
    """The windows of a split, what the network sees of each, and its target."""
    pairs = zip(read_batches(split, 64, folder), read_contents(split, 64, folder), strict=True)
    return [
        (window_of(content, kind), tokens, target.tolist())
        for (inputs, targets), contents in pairs
        for content, tokens, target in zip(contents, inputs.arrays["tokens"], targets, strict=True)
    ]


def test_each_token_of_a_text_is_told_once_and_a_text_is_in_one_split(workspace: Path) -> None:
    texts = sentences(400)
    dataset = loaded(write(workspace / "said.csv", texts))
    found: dict[int, list[Window]] = defaultdict(list)
    splits: dict[int, set[SplitName]] = defaultdict(set)
    for split in SPLITS:
        for window, _, _ in stored(split):
            found[window.text].append(window)
            splits[window.text].add(split)
    assert len(found) == 400
    assert {len(each) for each in splits.values()} == {1}
    made = set()
    for parts in found.values():
        ordered = sorted(parts, key=lambda window: len(window.context))
        words = [ordered[0].context[0], *(window.next for window in ordered)]
        assert words[-1] == ""
        for place, window in enumerate(ordered, start=1):
            assert list(window.context) == words[:place]
        made.add(" ".join(words[:-1]))
    assert made == {text.replace(",", " ,").replace(".", " .") for text in texts}
    assert sum(part.samples for part in dataset.splits.values()) == dataset.read == 400 * 8
    assert "windows of 400 texts" in " ".join(dataset.notes)
    assert not dataset.classes


def test_targets_are_the_tokens_that_come_next_the_end_and_unknown_ones(workspace: Path) -> None:
    dataset = loaded(write(workspace / "said.csv", sentences(400)), length=3)
    tokenizer = Tokenizer.of_bytes(read_assets()[FILE])
    assert dataset.inputs[0].high == tokenizer.rows - 1
    assert tokenizer.others is not None
    assert tokenizer.others > 0
    ends = unknown = 0
    for split in SPLITS:
        for window, seen, (token, others, text) in stored(split):
            numbers = [tokenizer.number_of(word) for word in window.context]
            assert seen.tolist() == [*[0] * (3 - len(numbers)), *numbers][-3:]
            assert text == window.text
            assert others == (tokenizer.others if token == 1 else 0)
            assert token == (tokenizer.number_of(window.next) if window.next else 0)
            ends += token == 0
            unknown += token == 1
    assert ends == 400
    assert unknown > 0


def test_a_device_sees_of_a_text_what_was_stored_of_its_window(workspace: Path) -> None:
    for kind in ("words", "characters"):
        folder = workspace / kind
        dataset = loaded(write(workspace / "said.csv", [f"É{text}" for text in sentences(60)]), folder, tokens=kind)
        reading, assets = NextTokenReading(), read_assets(folder)
        for window, seen, _ in stored("train", kind, folder)[:200]:
            text = (" " if kind == "words" else "").join(window.context)
            if text.endswith(" "):
                continue  # spaces at the end of a question do not count
            np.testing.assert_array_equal(reading.ask(text, dataset.inputs, assets)["tokens"], seen)
        np.testing.assert_array_equal(
            reading.ask("ÉANN sees", dataset.inputs, assets)["tokens"],
            reading.ask("eann sees", dataset.inputs, assets)["tokens"],
        )
        assert dataset.target.name == f"next_{kind[:-1]}"


def test_windows_at_a_stride_begin_where_the_text_says_and_long_texts_are_thinned() -> None:
    settings = NextTokenSettings(stride=5)
    text = " ".join(f"w{number}" for number in range(23))
    for split_hash in range(5):
        found = [window_of(draft.content, "words") for draft in windows(text, split_hash, bytes(16), settings)]
        assert [len(window.context) for window in found] == list(range(1 + split_hash, 24, 5))
    drafts = list(windows(" ".join(["word"] * 20_000), 3, bytes(16), NextTokenSettings()))
    assert MOST_WINDOWS / 2 < len(drafts) <= MOST_WINDOWS
    assert drafts[0].changes == ("text", "thinned")
    assert len({draft.digest for draft in drafts}) == len(drafts)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"length": 65}, "at most 64 words"),
        ({"tokens": "characters", "length": 257}, "at most 256 characters"),
        ({"tokens": "hashed_words"}, "words"),
        ({"label": "label"}, "label"),
        ({"split": "text"}, "different columns"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        NextTokenSettings.model_validate(settings)


def test_text_files_and_declared_splits_need_no_labels(workspace: Path) -> None:
    texts = sentences(90)
    for number, text in enumerate(texts):
        folder = workspace / "said" / ("train", "test", "validation")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    dataset = loaded("said")
    assert {split: dataset.splits[split].samples for split in SPLITS} == dict.fromkeys(SPLITS, 240)
    table = "\n".join(
        f"{text};{('train', 'test', 'validation')[number % 3]}" for number, text in enumerate(["text;for", *texts])
    )
    (workspace / "said.csv").write_text(table.replace("text;for;train", "text;for"), encoding="utf-8")
    again = loaded("said.csv", workspace / "other", split="for", delimiter=";")
    assert {split: again.splits[split].samples for split in SPLITS} == dict.fromkeys(SPLITS, 240)


def test_a_release_with_other_tokens_is_asked_about_the_same_windows_in_its_own_way(workspace: Path) -> None:
    ours, theirs = workspace / "ours", workspace / "theirs"
    loaded(write(workspace / "said.csv", sentences(400)), ours, rows=30)
    loaded(write(workspace / "before.csv", sentences(200)), theirs, rows=15, length=5)
    reader = learned_reader(WORKLOAD, read_assets(theirs))
    tokenizer = Tokenizer.of_bytes(read_assets(theirs)[FILE])
    known = [window for window, _, _ in stored("test", folder=ours)]
    asked = [
        each for part in read_as(reader, "test", 64, ours) for each in zip(part.own_targets, part.targets, strict=True)
    ]
    assert len(asked) == len(known)
    differ = 0
    for window, (own, prepared) in zip(known, asked, strict=True):
        assert own[2] == prepared[2] == window.text
        assert own[0] == (tokenizer.number_of(window.next) if window.next else 0)
        differ += own[0] != prepared[0]
    assert differ


def test_what_a_device_collects_is_cut_into_the_same_windows(workspace: Path) -> None:
    dataset = loaded(write(workspace / "said.csv", sentences(100)))
    reader = learned_reader(WORKLOAD, read_assets())
    (workspace / "seen").mkdir()
    write(workspace / "seen/said.csv", sentences(100))

    class Like:
        workload, inputs = WORKLOAD, dataset.inputs

    class Passed:
        def over(self, reason: str) -> None:
            raise AssertionError(reason)

    drawn = list(
        drawn_for_drift(workspace / "seen", Like(), reader, NextTokenSettings(min_count=2), Passed())  # type: ignore[arg-type]
    )
    rows = sorted(arrays["tokens"].tolist() for _, arrays in drawn)
    assert rows == sorted(seen.tolist() for split in SPLITS for _, seen, _ in stored(split))


def test_a_text_is_gone_on_with_to_its_end_and_never_with_an_unknown_token(workspace: Path) -> None:
    dataset = loaded(write(workspace / "said.csv", sentences(400)))
    reading, assets = NextTokenReading(), read_assets()
    tokenizer = Tokenizer.of_bytes(assets[FILE])
    after = {"ann": "sees", "sees": "bob", "bob": ",", ",": "and"}

    def answer(asked: Any) -> np.ndarray:
        last = int(asked["tokens"][-1])
        word = tokenizer.vocabulary[last - 2]
        logits = np.zeros(tokenizer.rows, np.float32)
        logits[1] = 9.0
        logits[tokenizer.number_of(after[word]) if word in after else 0] = 5.0
        return logits

    asked = reading.ask("Ann", dataset.inputs, assets)
    probabilities, added = reading.completed(answer, asked, assets)
    assert added == [" sees", " bob", " ,", " and"]
    assert all(0 < each < 1 for each in probabilities)
    endless, _ = reading.completed(lambda _: np.eye(tokenizer.rows, dtype=np.float32)[2], asked, assets)
    assert len(endless) == 100


def test_a_tokenizer_of_another_outcome_is_refused(workspace: Path) -> None:
    dataset = loaded(write(workspace / "said.csv", sentences(100)))
    tokenizer = Tokenizer.of_bytes(read_assets()[FILE])
    other = Tokenizer(
        tokenizer.kind, tokenizer.length, tokenizer.rows, tokenizer.characters, tokenizer.vocabulary, tokenizer.unicode
    )
    with pytest.raises(DataError, match="tells the next token"):
        NextTokenReading().ask("ann", dataset.inputs, {FILE: other.to_bytes()})
    with pytest.raises(DataError, match="with a word in it"):
        NextTokenReading().ask("  ", dataset.inputs, read_assets())
