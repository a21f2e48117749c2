"""Networks for texts and what slimline makes of them, beside fastText: a Markdown table of the SMS Spam Collection.

    python -m benchmarks.texts sms-spam.tsv
    python -m benchmarks.texts sms-spam.tsv --fasttext OTHER/bin/python    # which has fastText; slimline needs it not
    python -m benchmarks.texts sms-spam.tsv --hashed    # words by their hash alone, with no vocabulary

The file has a label and a text in each line, parted by a tab: your own copy of Almeida, Gómez Hidalgo and Yamakami's
collection (UCI repository). Five folds by the hash that decides splits, so that near-duplicates are in one; a tenth of
the rest validates. F1 is that of spam, of all folds pooled; its 95 % interval is a percentile bootstrap over groups of
near-duplicates, as is that of the difference from the float LSTM. Stored bytes have the tokenizer in them. Times are
medians of one thread: of the network alone, as ``slimline run`` takes them, and from a text to the answer, in Python.
fastText is one call, from a text whose words are parted already.
"""

import argparse
import csv
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel, set_seed
from tasks.compression.recipe import parse_recipe
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Context
from tasks.compression.vocabulary.keeping import own_assets
from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.learning.building import build_model
from tasks.learning.conversion import to_tflite
from tasks.learning.fitting import Plan as Training
from tasks.learning.fitting import fit
from tasks.learning.saving import save_model
from tasks.litert import LiteRTModel
from tasks.packing.pack_cache import packed
from tasks.samples import read_assets, read_dataset
from tasks.timing.intervals import typical
from tasks.timing.measuring import Plan, time_models
from tasks.workloads.text.reading import TextReader
from tasks.workloads.text.settings import TextSettings
from tasks.workloads.text.tokenizer import FILE, Tokenizer
from tasks.workloads.text.tokens import tokens_of

FOLDS, BATCH, REPLICATES, TIMED = 5, 32, 2_000, 300
NETWORK = Plan(processes=4, rounds=200, warmup=20)
LABELS = ("ham", "spam")
EPOCHS = {"lstm": 15, "text_cnn": 12}
TEACHERS = 3
LEARN = {"epochs": 40, "learning_rate": 0.004, "distillation": {"teacher": "cnn", "temperature": 2.0, "weight": 0.9}}


def student(
    rows: int | None,
    width: int,
    model: str = "mean_max_embedding",
    exclude: Sequence[str] = ("logits",),
    **options: Any,
) -> list[dict[str, Any]]:
    """The steps of a recipe: fewer words, a small network that three text-CNNs teach, rows of 4 bits.

    The last layer has a few dozen weights: kept in float32 it adds bytes by the dozen, and no rounding on use.
    """
    return [
        *([{"technique": "prune_vocabulary", "rows": rows}] if rows else []),
        {"technique": "distill", "student": {"model": model, "options": {"width": width, **options}}, **LEARN},
        {"technique": "quantize", "mode": "int4", "exclude": list(exclude)},
        {"technique": "pack"},
    ]


RECIPES: dict[str, list[dict[str, Any]]] = {
    "LSTM, int4": [{"technique": "quantize", "mode": "int4"}, {"technique": "pack"}],
    "student, 1,000 words × 8, int4": student(1000, 8),
    "student, 1,000 words × 8, logits in int4, too": student(1000, 8, exclude=()),
    "student, 2,000 words × 8, int4": student(2000, 8),
    "student, 500 words × 8, int4": student(500, 8),
    "fastText's form, 1,000 words × 8, int4": student(1000, 8, "mean_embedding"),
}
FLOAT, CNN = "LSTM, float32", "text-CNN, float32"
BUCKETS = 512
HASHED: dict[str, Any] = {"tokens": "hashed_words", "rows": 16_384}
OF_HASHES: dict[str, list[dict[str, Any]]] = {
    f"student, hashed words, {BUCKETS} + {HASHED['rows'] // BUCKETS} rows × 8, int4": student(
        None, 8, table="quotient_remainder", buckets=BUCKETS
    )
}
HEAD = ("model", "F1 of spam", "from the float LSTM", "stored bytes", "smaller", "network, µs", "faster", "answer, µs")


@dataclass(frozen=True)
class Message:
    """A text, whether it is spam, and the group of those that count as equal."""

    text: str
    spam: bool
    group: int

    @property
    def fold(self) -> int:
        return self.group % FOLDS

    @property
    def validates(self) -> bool:
        return self.group // FOLDS % 10 == 0


@dataclass
class Found:
    """The results of one kind of model in all folds: answers in the order of the folds, bytes and microseconds."""

    spam: list[NDArray[np.bool_]] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    network: list[float] = field(default_factory=list)
    question: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=Path, help="a file of labels and texts, parted by a tab")
    parser.add_argument("--fasttext", type=Path, help="a Python that has fastText")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the folds to measure")
    parser.add_argument("--hashed", action="store_true", help="measure networks of hashed words in their place")
    options = parser.parse_args()
    messages = read_messages(options.messages)
    found: dict[str, Found] = {}
    truth: list[Message] = []
    for number in range(options.folds):
        with tempfile.TemporaryDirectory(prefix="slimline-texts-") as name:
            test = [message for message in messages if message.fold == number]
            truth += test
            make = made_of_hashes if options.hashed else made
            models = dict(make(messages, number, Path(name)))
            for kind, model in models.items():
                judge(found.setdefault(kind, Found()), model, test)
            clock(found, models, test, Path(name))
            if options.fasttext:
                beside(found, options.fasttext, messages, number, Path(name))
        print(f"after fold {number + 1} of {options.folds}:\n\n{table(found, truth)}\n", flush=True)


def read_messages(path: Path) -> list[Message]:
    """Read the collection; texts without a word are left out."""
    reader, found = TextReader(TextSettings()), []
    for line in path.read_text(encoding="utf-8").splitlines():
        label, _, text = line.partition("\t")
        try:
            group = reader.read(text.encode()).split_hash
        except Exception as error:
            print(f"left out: {text[:50]!r} ({error})")
            continue
        found.append(Message(text, label == "spam", group))
    return found


@dataclass(frozen=True)
class Made:
    """A file and the tokenizer that it goes with."""

    flatbuffer: bytes
    tokenizer: bytes


def made(messages: Sequence[Message], number: int, folder: Path) -> Iterator[tuple[str, Made]]:
    """Train on all folds but one, and compress."""
    prepared = prepare_fold(messages, number, folder)
    tokenizer = read_assets(prepared)[FILE]
    networks = {
        name: [trained(name, prepared, 10 * number + member) for member in range(TEACHERS if name != "lstm" else 1)]
        for name in EPOCHS
    }
    files = [folder / f"{member}.keras" for member in range(TEACHERS)]
    for file, network in zip(files, networks["text_cnn"], strict=True):
        save_model(network, file)
    specs = read_dataset(prepared).inputs
    (lstm,), cnn = networks["lstm"], networks["text_cnn"][0]
    yield FLOAT, Made(to_tflite(lstm, specs=specs), tokenizer)
    yield CNN, Made(to_tflite(cnn, specs=specs), tokenizer)
    context = Context(number, BATCH, prepared, say=lambda _: None, teachers={"cnn": files}, cache=folder / "cache")
    for name, steps in RECIPES.items():
        recipe = parse_recipe("made", steps, teachers=["cnn"], workload="text")
        flatbuffer, candidate = run_recipe("made", recipe, lstm, context, folder / "steps")
        print(f"fold {number + 1}: {name}", flush=True)
        yield name, Made(flatbuffer, own_assets(candidate.ids_kept, prepared).get(FILE, tokenizer))


def made_of_hashes(messages: Sequence[Message], number: int, folder: Path) -> Iterator[tuple[str, Made]]:
    """Train text-CNNs of hashed words on all folds but one, and let students learn from them."""
    prepared = prepare_fold(messages, number, folder, **HASHED)
    tokenizer, specs = read_assets(prepared)[FILE], read_dataset(prepared).inputs
    networks = [trained("text_cnn", prepared, 10 * number + member) for member in range(TEACHERS)]
    files = [folder / f"{member}.keras" for member in range(TEACHERS)]
    for file, network in zip(files, networks, strict=True):
        save_model(network, file)
    yield CNN, Made(to_tflite(networks[0], specs=specs), tokenizer)
    context = Context(number, BATCH, prepared, say=lambda _: None, teachers={"cnn": files}, cache=folder / "cache")
    for name, steps in OF_HASHES.items():
        recipe = parse_recipe("made", steps, teachers=["cnn"], workload="text")
        flatbuffer, _ = run_recipe("made", recipe, networks[0], context, folder / "steps")
        print(f"fold {number + 1}: {name}", flush=True)
        yield name, Made(flatbuffer, tokenizer)


def prepare_fold(messages: Sequence[Message], number: int, folder: Path, **text: Any) -> Path:
    """Load the messages with one fold as the test split."""
    source, prepared = folder / "fold.csv", folder / "prepared"
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("label", "text", "split"))
        for each in messages:
            split = "test" if each.fold == number else "validation" if each.validates else "train"
            writer.writerow((LABELS[each.spam], each.text, split))
    settings = {"source": str(source), "workload": "text", "text": {"split": "split", **text}}
    data = data_of("text").model_validate(settings)
    prepare(data, current_listing(data), prepared)
    return prepared


def trained(name: str, prepared: Path, seed: int) -> KerasModel:
    set_seed(seed)
    model = build_model(name, read_dataset(prepared), 0.3)
    fit(model, Training(EPOCHS[name], BATCH, 0.001, seed, schedule="cosine"), prepared, say=lambda _: None)
    return model


def judge(found: Found, model: Made, test: Sequence[Message]) -> None:
    """Ask a model about the messages of its fold."""
    tokens = Tokenizer.of_bytes(model.tokenizer).encode(message.text for message in test)
    scores = LiteRTModel(model.flatbuffer).predict(tokens)
    found.spam.append(scores.argmax(axis=1) == LABELS.index("spam"))
    found.stored.append(len(packed(model.flatbuffer)) + len(model.tokenizer))


def clock(found: Mapping[str, Found], models: Mapping[str, Made], test: Sequence[Message], folder: Path) -> None:
    """Time all models in turns, each on the same messages."""
    loaded = {name: (LiteRTModel(each.flatbuffer), Tokenizer.of_bytes(each.tokenizer)) for name, each in models.items()}
    own, files = {}, {}
    for number, (name, (model, tokenizer)) in enumerate(loaded.items()):
        files[name] = folder / f"timed{number}.tflite"
        files[name].write_bytes(models[name].flatbuffer)
        own[name] = model.fit(tokenizer.encode([message.text for message in test[:TIMED]]))
    times: dict[str, list[float]] = {name: [] for name in models}
    for message in test[:TIMED]:
        for name, (model, tokenizer) in loaded.items():
            _answer(model, tokenizer, message.text)  # brings it back into the caches
            times[name].append(_answer(model, tokenizer, message.text))
    timed = time_models(files, next(iter(own.values())), NETWORK, own)
    for name, seen in times.items():
        found[name].network.append(typical([timings.latencies[name] for timings in timed]).value)
        found[name].question.append(1e6 * float(np.median(seen)))


def _answer(model: LiteRTModel, tokenizer: Tokenizer, text: str) -> float:
    """Answer one text; seconds from the text to the answer."""
    began = time.perf_counter()
    model.set_inputs(model.fit(tokenizer.encode([text])))
    model.invoke()
    model.scores()[0].argmax()
    return time.perf_counter() - began


def beside(found: dict[str, Found], python: Path, messages: Sequence[Message], number: int, folder: Path) -> None:
    """Let fastText learn of all that is not the fold, of the same words, and judge it."""
    tokenizer = Tokenizer.of_bytes(read_assets(folder / "prepared")[FILE])

    def words(message: Message) -> str:
        return " ".join(tokens_of(message.text, tokenizer.characters, "words"))

    lines = [f"__label__{LABELS[each.spam]} {words(each)}" for each in messages if each.fold != number]
    (folder / "train.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    asked = [words(each) for each in messages if each.fold == number]
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    script = Path(__file__).with_name("fasttext_models.py")
    done = subprocess.run([python, script, folder], capture_output=True, text=True, check=True)
    for name, row in json.loads(done.stdout.splitlines()[-1]).items():
        one = found.setdefault(name, Found())
        one.spam.append(np.array(row["spam"]))
        one.stored.append(row["bytes"])
        one.network.append(row["us"])
        one.question.append(row["us"])


def f1(spam: NDArray[np.bool_], truth: NDArray[np.bool_], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of spam for each row of weights ``[replicates, messages]``."""
    right, said, there = (weights @ each for each in (spam & truth, spam, truth))
    return np.asarray(2 * right / np.maximum(1, said + there))


def table(found: Mapping[str, Found], messages: Sequence[Message]) -> str:
    """The Markdown table."""
    truth = np.array([message.spam for message in messages])
    _, groups = np.unique([message.group for message in messages], return_inverse=True)
    rng, count = np.random.default_rng(1), int(groups.max()) + 1
    drawn = np.stack([np.bincount(rng.integers(0, count, count), minlength=count)[groups] for _ in range(REPLICATES)])
    once = np.ones((1, len(truth)), np.int64)
    answers = {name: np.concatenate(each.spam) for name, each in found.items()}
    first = next(iter(found))
    base, against = found[first], f1(answers[first], truth, drawn)
    head = HEAD if first == FLOAT else (*HEAD[:2], f"from the {first}", *HEAD[3:])
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, each in found.items():
        value, many = float(f1(answers[name], truth, once)[0]), f1(answers[name], truth, drawn)
        low, high = np.quantile(many, [0.025, 0.975])
        less, more = np.quantile(many - against, [0.025, 0.975])
        stored, network, question = (float(np.mean(part)) for part in (each.stored, each.network, each.question))
        cells = [
            name,
            f"{value:.4f} ({low:.3f} … {high:.3f})",
            "" if name == first else f"{less:+.3f} … {more:+.3f}",
            f"{stored:,.0f}",
            f"{np.mean(base.stored) / stored:.1f} ×",
            f"{network:.1f}",
            f"{np.mean(base.network) / network:.1f} ×",
            f"{question:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
