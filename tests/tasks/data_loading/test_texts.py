"""Texts on their way to shards: what is learned, of whom, and what a device would make of the same text."""

import csv
import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config import data_of
from tasks.data_loading import learned, writing
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.data_loading.thinning import thin
from tasks.errors import DataError, RefusedError, SourceError, UnfitError
from tasks.samples import PREPARED, SPLITS, Dataset, SplitName, read_assets, read_batches, read_contents
from tasks.tfrecord import decode, read_records
from tasks.workloads.text.reading import TextReading
from tasks.workloads.text.tokenizer import FILE, Tokenizer

WORDS = ["free", "call", "prize", "win", "home", "later", "lunch", "meet", "ok", "tonight"]
Row = tuple[str, str]


def sentences(count: int, seed: int = 1) -> list[Row]:
    """Different texts of ten words, spam where the first ones are in the majority."""
    rng, rows = random.Random(seed), []
    for number in range(count):
        drawn = rng.choices(WORDS, k=6)
        label = "spam" if sum(word in WORDS[:4] for word in drawn) > 2 else "ham"
        rows.append((f"{' '.join(drawn)} {' '.join('abcdefgh'[int(digit)] for digit in f'{number:o}')}", label))
    return rows


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    return path


def loaded(source: Path | str, folder: Path = PREPARED, **text: Any) -> Dataset:
    data = data_of("text").model_validate({"source": str(source), "workload": "text", "text": {"min_count": 1, **text}})
    return prepare(data, current_listing(data), folder)


def names(dataset: Dataset, folder: Path = PREPARED) -> dict[str, SplitName]:
    return {
        decode(record, ["tokens"]).name: split
        for split, part in dataset.splits.items()
        for shard in part.shards
        for record in read_records(folder / shard.file)
    }


def test_a_device_makes_the_same_numbers_of_a_text_as_were_stored(workspace: Path) -> None:
    dataset = loaded(write_csv(workspace / "mail.csv", sentences(400)))
    assert dataset.classes == ("ham", "spam")
    (inputs, targets), (contents,) = next(read_batches("test", 1000)), list(read_contents("test", 1000))
    assert len(inputs) == len(targets) == len(contents) > 20
    reading, assets = TextReading(), read_assets()
    for stored, content in zip(inputs.arrays["tokens"], contents, strict=True):
        asked = reading.ask(content.decode(), dataset.inputs, assets)
        np.testing.assert_array_equal(asked["tokens"], stored)
    assert len(dataset.inputs) == 1
    assert dataset.inputs[0].high == Tokenizer.of_bytes(assets[FILE]).rows - 1


def test_words_are_learned_of_training_texts_alone(workspace: Path) -> None:
    rows = [(f"{text} only{number}", label) for number, (text, label) in enumerate(sentences(300))]
    dataset = loaded(write_csv(workspace / "mail.csv", rows), digits="keep")
    known = set(Tokenizer.of_bytes(read_assets()[FILE]).vocabulary)
    for name, split in names(dataset).items():
        number = int(name.rpartition(":")[2]) - 2
        assert (f"only{number}" in known) == (split == "train"), name


def test_fewer_samples_keep_their_texts(workspace: Path) -> None:
    loaded(write_csv(workspace / "mail.csv", sentences(200)))
    before = next(read_contents("train", 5))
    thin(PREPARED, {"train": 5})
    assert list(read_contents("train", 10)) == [before]


def test_order_packing_and_form_make_no_difference_to_a_sample(workspace: Path) -> None:
    rows = sentences(200)
    write_csv(workspace / "a.csv", rows)
    (workspace / "b.tsv").write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in rows[::-1]))
    lines = [json.dumps({"text": text, "label": label, "id": 1}) for text, label in rows]
    (workspace / "c.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    folder = workspace / "d"
    for number, (text, label) in enumerate(rows):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number}.txt").write_text(text)
    made = []
    for source in ("a.csv", "b.tsv", "c.jsonl.gz", "d"):
        dataset = loaded(workspace / source)
        shards = {split: next(read_batches(split, 1000)) for split in SPLITS}
        made.append(
            (
                dataset.source_digest,
                dataset.assets,
                {split: (inputs.tobytes(), targets.tobytes()) for split, (inputs, targets) in shards.items()},
            )
        )
    assert made[0] == made[1] == made[2] == made[3]


def test_much_is_shared_among_processes_and_gives_the_same_bytes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv(workspace / "mail.csv", [*sentences(900), *sentences(50, seed=2)])
    made = []
    for much, part in ((writing.MUCH, learned.PART), (0, 0)):
        monkeypatch.setattr(writing, "MUCH", much)
        monkeypatch.setattr(learned, "PART", part)
        monkeypatch.setattr(writing, "CHUNK_SAMPLES", 3)
        loaded(source)
        made.append({path: path.read_bytes() for path in sorted(PREPARED.rglob("*")) if path.is_file()})
    assert made[0] == made[1]


def test_texts_that_are_nearly_equal_are_on_one_side(workspace: Path) -> None:
    rows = [(f"Call {number:05} now, WIN {text}!", label) for number, (text, label) in enumerate(sentences(150))]
    near = [(text.lower().replace("0", "7").replace(",", "  ,"), label) for text, label in rows]
    dataset = loaded(write_csv(workspace / "mail.csv", rows + near))
    found = names(dataset)
    sides = [(found[f"mail.csv:{2 + number}"], found[f"mail.csv:{152 + number}"]) for number in range(150)]
    assert all(mine == other for mine, other in sides)
    assert {mine for mine, _ in sides} == set(SPLITS)
    assert any("150 samples are equal to another one" in note for note in dataset.notes)


def test_a_text_nearly_equal_to_one_that_is_declared_for_the_test_is_kept_out(workspace: Path) -> None:
    rows = sentences(120)
    write_csv(workspace / "mail" / "test.csv", rows[:40])
    write_csv(workspace / "mail" / "train.csv", [*rows[40:], (f"{rows[0][0].upper()} ", "ham")])
    dataset = loaded(workspace / "mail")
    assert dataset.splits["test"].samples == 40
    assert [refusal.file for refusal in dataset.kept_out] == ["train.csv:82"]


def test_a_column_may_say_the_split(workspace: Path) -> None:
    lines = [
        f"{text}\t{label}\t{split}" for split in ("Train", "val", "test") for text, label in sentences(30, len(split))
    ]
    (workspace / "a.tsv").write_text("text\tlabel\tpart\n" + "\n".join(lines) + "\nx\tham\tlater\n")
    data = data_of("text").model_validate(
        {"source": "a.tsv", "workload": "text", "text": {"split": "part"}, "max_refused": 0.1}
    )
    dataset = prepare(data, current_listing(data), PREPARED)
    assert {split: part.samples for split, part in dataset.splits.items()} == dict.fromkeys(SPLITS, 30)
    assert dataset.refused[0].file == "a.tsv:92"
    assert "the split 'later'" in dataset.refused[0].reason


def test_several_columns_are_joined(workspace: Path) -> None:
    (workspace / "a.csv").write_text(
        "title,body,label\n" + "".join(f"title{label},{text},{label}\n" for text, label in sentences(100))
    )
    loaded(workspace / "a.csv", text=["title", "body"])
    assert {"titleham", "titlespam", "free"} <= set(Tokenizer.of_bytes(read_assets()[FILE]).vocabulary)


def test_rows_that_cannot_be_used_are_refused_by_their_numbers(workspace: Path) -> None:
    rows = [*sentences(300), ("", "ham"), ("…", "ham"), ("\u200b", "ham"), ("text", " "), ("long " * 250_000, "ham")]
    data = {"source": "mail.csv", "workload": "text", "max_refused": 0.05}
    write_csv(workspace / "mail.csv", rows)
    wanted = data_of("text").model_validate(data)
    dataset = prepare(wanted, current_listing(wanted), PREPARED)
    assert {refusal.file: refusal.reason for refusal in dataset.refused} == {
        "mail.csv:302": "no word in it",
        "mail.csv:304": "no word in it",
        "mail.csv:305": "no label",
        "mail.csv:306": "1,250,000 characters: at most 1,048,576 are expected",
    }
    with pytest.raises(RefusedError, match=r"mail\.csv:302: no word in it"):
        loaded("mail.csv")


def test_a_table_without_the_columns_is_said_with_those_that_it_has(workspace: Path) -> None:
    (workspace / "a.csv").write_text("message,class\nhi,x\n")
    with pytest.raises(SourceError, match="Received: 'message', 'class'"):
        loaded(workspace / "a.csv")


def test_texts_of_which_nothing_can_be_learned_are_refused(workspace: Path) -> None:
    write_csv(workspace / "a.csv", [(f"{chr(0x4E00 + number)}", "ab"[number % 2]) for number in range(200)])
    with pytest.raises(UnfitError, match=r"no token that is there 5 times.*data\.text"):
        loaded(workspace / "a.csv", min_count=5)


def test_a_change_of_what_is_not_seen_by_the_network_changes_the_digest_of_the_source(workspace: Path) -> None:
    rows = sentences(200)
    first = loaded(write_csv(workspace / "a.csv", rows))
    second = loaded(write_csv(workspace / "a.csv", [(rows[0][0].upper(), rows[0][1]), *rows[1:]]))
    assert first.source_digest != second.source_digest


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_assets_that_were_changed_are_not_read(workspace: Path, content: bytes) -> None:
    loaded(write_csv(workspace / "a.csv", sentences(200)))
    (PREPARED / "assets" / FILE).write_bytes(content)
    with pytest.raises(DataError, match="Run the load stage again"):
        read_assets()


def test_questions_that_are_no_texts_are_refused(workspace: Path) -> None:
    dataset = loaded(write_csv(workspace / "a.csv", sentences(200)))
    reading, assets = TextReading(), read_assets()
    (workspace / "odd.txt").write_bytes(b"\xff\xff\xff")
    (workspace / "good.txt").write_bytes("free call".encode("utf-16"))
    for question in ("", " ", workspace / "odd.txt", workspace / "missing.txt"):
        with pytest.raises(DataError, match="Expected a text"):
            reading.ask(question, dataset.inputs, assets)
    good = reading.ask(workspace / "good.txt", dataset.inputs, assets)["tokens"]
    np.testing.assert_array_equal(good, reading.ask("Free CALL", dataset.inputs, assets)["tokens"])
    with pytest.raises(DataError, match=f"with {FILE}"):
        reading.ask("free", dataset.inputs, {})
    spec = dataset.inputs[0].model_copy(update={"shape": (3,)})
    with pytest.raises(DataError, match="as the model takes"):
        reading.ask("free", (spec,), assets)
