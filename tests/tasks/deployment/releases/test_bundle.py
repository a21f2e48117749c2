import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import zstandard
from markdown_it import MarkdownIt

from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.releases.bundle import Bundle, bundle
from tasks.deployment.releases.chosen import load_chosen_candidate
from tasks.deployment.releases.model_card import model_card
from tasks.errors import ReleaseError
from tasks.files import sha256
from tasks.text import visible
from tests.tasks.deployment.project import CLASSES, RECIPE


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """A bundle knows of no store."""
    return f"file://{tmp_path / 'store'}"


def make(params: Params, folder: Path) -> Bundle:
    folder.mkdir()
    return bundle(params, load_chosen_candidate(params), folder)


def test_the_same_records_give_the_same_bytes(project: Params, tmp_path: Path) -> None:
    first, second = make(project, tmp_path / "a"), make(project, tmp_path / "b")
    assert first.files == second.files
    assert first.unpacked == second.unpacked


def test_every_file_is_described_as_it_is(project: Params, tmp_path: Path) -> None:
    made = make(project, tmp_path / "a")
    assert {path.name: sha256(path) for path in made.folder.iterdir()} == {
        name: file.sha256 for name, file in made.files.items()
    }
    packed = (made.folder / "model.stored").read_bytes()
    model = candidate_model(RECIPE)
    assert zstandard.decompress(packed) == model.read_bytes()
    assert (made.unpacked.bytes, made.unpacked.sha256) == (model.stat().st_size, sha256(model))


def test_the_signature_says_how_to_feed_the_model(project: Params, tmp_path: Path) -> None:
    signature = json.loads((make(project, tmp_path / "a").folder / "signature.json").read_text())
    image = signature["inputs"]["image"]
    assert image.pop("meaning").startswith("[batch, height, width, channels], raw pixels")
    assert image == {
        "name": "image",
        "shape": [1, 2, 2, 1],
        "dtype": "float32",
        "scale": 0.0,
        "zero_point": 0,
        "values": {"dtype": "uint8", "low": 0.0, "high": 255.0},
    }
    assert (signature["workload"], signature["outcome"]) == ("image", "classes")
    assert signature["outputs"]["logits"]["shape"] == [1, len(CLASSES)]


def test_labels_and_metrics_come_from_the_records(project: Params, tmp_path: Path) -> None:
    folder = make(project, tmp_path / "a").folder
    metrics = json.loads((folder / "metrics.json").read_text())
    assert json.loads((folder / "labels.json").read_text()) == list(CLASSES)
    assert metrics["chosen"]["splits"]["validation"]["metrics"]["accuracy"] == 0.75
    assert metrics["baseline"]["speed"]["median_us"] == 10.0
    assert (folder / "gate.json").read_bytes() == Path("reports/gate.json").read_bytes()


def test_the_card_has_the_numbers_of_the_records(project: Params, tmp_path: Path) -> None:
    card = (make(project, tmp_path / "a").folder / "model_card.md").read_text()
    for fact in (
        "# shades: article_cnn, float32\n",
        "which of 2 classes a grey image of 2 × 2 pixels is of: `dark`, `light`.",
        "15 samples read, 2 refused, 1 kept out",
        "| accuracy (95% interval) | 75.00% (30.06% to 95.44%) |",  # Wilson's interval of 3 of 4
        "`head` left as it was: too small to gain anything",
        "- Accuracy is within 5 points of the baseline's.",
        "The class most often missed is `light`: 50.00% of its 2 validation images",
    ):
        assert fact in card


NAMES = (
    "<script>alert(1)</script>",
    "a`b``c",
    "two\nlines",
    "\x1b[2J\x9b",
    "user\u202egnp",
    "![x](https://a.example/x.png)",
    "| a | b",
    "[link](javascript:x)",
    " ",
    "# head",
)


def test_names_of_classes_are_text_in_the_card(project: Params) -> None:
    chosen = load_chosen_candidate(project)
    usual = model_card(project, chosen)
    quality = chosen.quality.splits["validation"]
    per_class = {NAMES[0]: quality.details["per_class"]["light"]}
    details = {**quality.details, "per_class": per_class}
    worst = chosen.quality.model_copy(
        update={"splits": {"validation": quality.model_copy(update={"details": details})}}
    )
    notes = tuple(f"The class folder {name} is empty." for name in NAMES)
    dataset = chosen.dataset.model_copy(update={"classes": NAMES, "notes": notes, "source": NAMES[1]})
    card = model_card(project, replace(chosen, dataset=dataset, quality=worst))
    renderer = MarkdownIt("commonmark").enable("table")
    html, before = renderer.render(card), renderer.render(usual)
    assert set(re.findall("<(?![/])[^ >]+", html)) == set(re.findall("<(?![/])[^ >]+", before))
    text = unescape(re.sub("<[^>]+>", "", html))
    for name, note in zip(NAMES, notes, strict=True):
        assert visible(name) in text
        assert visible(note) in text


def test_without_a_lock_of_the_stages_there_is_no_release(project: Params, tmp_path: Path) -> None:
    Path("dvc.lock").unlink()
    with pytest.raises(ReleaseError, match=r"Expected dvc\.lock"):
        make(project, tmp_path / "a")
