import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from tasks.drawing import THEME, themed
from tasks.evaluation.gate import choose
from tasks.evaluation.pictures import pareto_svg
from tasks.evaluation.point_labels import Box, choose_places
from tasks.evaluation.report import render
from tasks.evaluation.results import Results
from tasks.evaluation.tables import candidates_table
from tasks.html import environment
from tasks.html import escape as html
from tasks.records import Interval
from tasks.samples import Refusal
from tasks.text import visible
from tasks.wording import invert, number, percent, points, points_interval, times
from tests.tasks.evaluation import material
from tests.tasks.evaluation.material import CLASSES, made_up_decision, make_results

FARES = {
    "baseline": (900, 900, 620_000, 95.0),
    "float16": (900, 900, 310_000, 94.0),
    "int8": (901, 899, 162_000, 34.0),
    "qat_int8": (902, 900, 163_000, 34.2),
    "pruned_int8": (893, 891, 49_000, 34.1),
}
RULES = [
    {"metric": "accuracy", "margin": 0.03, "versus": ["baseline", "production"]},
    {"metric": "latency", "max_ratio": 1.0},
]


@pytest.fixture
def results() -> Results:
    some = make_results(RULES, FARES)
    return replace(some, gate=choose(some))


def table_of(caption: str, rows: list[dict[str, str]]) -> str:
    blocks: Any = environment().get_template("tasks/templates/blocks.html.j2").module
    return str(blocks.table(caption, rows))


class Page(HTMLParser):
    """A reader of the page: notes what a browser would fetch, what stands open, how headings follow each other."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "data", "action"} and not (value or "").startswith("#"):
                self.fetched.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.remove(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing(results: Results) -> None:
    text = render(results)
    page = Page(text)
    assert page.open == []
    assert page.fetched == []
    assert "script" not in {tag for tag, _ in page.tags}
    assert not re.search(r"@import|url\((?!#)", text)


def test_the_page_can_be_read_without_seeing_it(results: Results) -> None:
    page = Page(render(results))
    attributes = {tag: [of for name, of in page.tags if name == tag] for tag, _ in page.tags}
    assert attributes["html"][0]["lang"] == "en"
    assert page.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert len(attributes["table"]) == len(attributes["caption"])
    assert all(picture.get("aria-label") and picture.get("role") == "img" for picture in attributes["svg"])
    assert len(attributes["figure"]) == len(attributes["figcaption"]) == 3
    assert any(of.get("name") == "viewport" for of in attributes["meta"])


def test_the_page_tells_what_was_found(results: Results) -> None:
    text = render(results)
    assert results.gate is not None
    for part in (
        "pruned_int8 keeps every rule on validation",
        "PROVISIONAL",
        "49,000 bytes stored, 98,000 loaded",
        *(html(rule.sentence) for rule in results.gate.rules),
        *(html(choice.sentence) for choice in results.gate.choices),
        "quantize: mode int8, calibration 500",
        "too small to gain anything",
        "1 of 1 promises hold",
        *("8 × 3 × 3 × 1", "25.00 %", "40.0 dB"),
        *("split train, samples 500, per_class zero 3", "conv2d 0 … 6.5", "Logits db", "41.25", "Microseconds", "20.5"),
        "2 refused, 1 kept out of training",
        "Images are 8 × 8 and grey.",
        "the weights of epoch 2 were kept",
    ):
        assert part in text


@pytest.mark.parametrize("decided", [False, True])
def test_figures_of_the_test_split_stay_sealed(decided: bool) -> None:
    fares = {name: (right, 777, stored, latency) for name, (right, _, stored, latency) in FARES.items()}
    some = make_results(RULES, fares)
    text = render(replace(some, gate=choose(some), decision=made_up_decision() if decided else None))
    assert "77.70" not in text


def test_the_page_tells_what_the_decision_cost_and_what_is_left(results: Results) -> None:
    decision = made_up_decision()
    text = render(replace(results, decision=decision))
    for part in (
        decision.sentence.removeprefix("PASS: "),
        "<strong>PASS</strong>",
        *("97.9 %", "at most 1.0500 %", "at most 5.00 %", "as strong as", "412 samples", "29", "542"),
        "ledgers/digits, number 7",
    ):
        assert part.lower() in text.lower()


def test_what_comes_from_outside_is_escaped(results: Results) -> None:
    text = render(results)
    assert "3/&lt;torn&gt;.png" in text
    assert "<torn>" not in text
    assert "<b>" not in table_of("<b>", [{"<b>": "<b>", "x": "1 (<b>)"}])


def test_the_same_results_give_the_same_page(results: Results) -> None:
    assert render(results) == render(results)


def test_a_report_needs_a_verdict(results: Results) -> None:
    with pytest.raises(ValueError, match="Received: none"):
        render(replace(results, gate=None))


def test_many_classes_give_a_list_of_confusions_instead_of_a_matrix(results: Results) -> None:
    classes = tuple(f"class {k}" for k in range(40))
    quality = results.qualities["pruned_int8"]
    split = quality.splits["validation"]
    confusion = tuple(tuple(7 if (i, j) == (3, 5) else 0 for j in range(40)) for i in range(40))
    per_class = {name: split.details["per_class"][CLASSES[k % 10]] for k, name in enumerate(classes)}

    def widened(name: str) -> object:
        changed = split.model_copy(
            update={"details": {"agreement": 1.0, "confusion": confusion, "per_class": per_class}}
        )
        return results.qualities[name].model_copy(update={"splits": quality.splits | {"validation": changed}})

    wide = replace(
        results,
        dataset=results.dataset.model_copy(update={"classes": classes}),
        qualities={**results.qualities, "pruned_int8": widened("pruned_int8"), "baseline": widened("baseline")},  # type: ignore[dict-item]
    )
    text = render(wide)
    assert "The most frequent confusions" in text
    assert '<th scope="row">class 3</th><td>class 5</td><td>7</td>' in text


def test_the_table_has_the_baseline_first_and_then_the_ranks(results: Results) -> None:
    rows = candidates_table(results)
    assert [row["Candidate"] for row in rows] == ["baseline", "pruned_int8", "int8", "qat_int8", "float16"]
    assert rows[0]["Smaller"] == rows[0]["Difference"] == ""
    assert rows[1]["Smaller"] == "12.7 ×"
    assert rows[1]["Speed"].startswith("2.79 × (")
    assert rows[1]["Difference"].startswith("−0.70 (−")
    assert rows[1]["Gate"] == "PASS"
    assert rows[1]["Non-zero"] == "90 %"


def test_the_table_can_be_made_before_the_gate_has_decided(results: Results) -> None:
    assert {row["Gate"] for row in candidates_table(replace(results, gate=None))} == {""}


def test_production_has_a_row_when_it_can_be_compared() -> None:
    some = make_results(RULES, FARES | {"production": (900, 900, 400_000, 90.0)})
    assert [row["Candidate"] for row in candidates_table(some)][:2] == ["baseline", "production"]


def test_the_picture_names_every_model_and_is_the_same_each_time(results: Results) -> None:
    picture = pareto_svg(results)
    ElementTree.fromstring(picture)
    assert all(f"{name} · " in picture for name in FARES)
    assert picture == pareto_svg(results)


def test_a_themed_picture_has_no_colour_of_its_own_text(results: Results) -> None:
    picture = themed(pareto_svg(results))
    assert not any(color in picture for color in THEME)
    assert 'width="' not in picture.partition(">")[0]


def test_labels_cover_neither_points_nor_each_other() -> None:
    frame = Box(300, 200, 600, 400)
    spots = [Box(x, y, 14, 14) for x, y in [(100, 200), (104, 203), (108, 198), (560, 380), (300, 30), (112, 201)]]
    bars = [Box(200, 200, 4, 100)]
    places = choose_places(spots, [80.0] * len(spots), bars, frame)
    boxes = [*places, *spots, *bars]
    for i, place in enumerate(places):
        assert place.lies_in(frame)
        assert not any(place.overlaps(other) for j, other in enumerate(boxes) if i != j)


def test_numbers_are_worded_for_people() -> None:
    assert number(-1234.5, 1) == "−1,234.5"
    assert number(-0.001) == "0.00"
    assert percent(0.9731) == "97.31 %"
    assert points(0.0123) == "+1.23"
    assert points_interval(Interval(value=0, low=-0.01, high=0.002)) == "−1.00 … +0.20"
    assert (times(2.786), times(13.71)) == ("2.79 ×", "13.7 ×")
    assert invert(Interval(value=0.5, low=0.25, high=1)) == Interval(value=2, low=1, high=4)


NAMES = (
    "<script>alert(1)</script>",
    "$\\frac$",
    "$x_",
    "a & b",
    '" onload="x',
    "two\nlines",
    "\x1b[2J",
    "user\u202egnp",
    "{{7*7}}{% raw %}{#",
    "cat (small)",
)


def test_names_of_classes_are_text_in_the_page_and_its_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = render(replace(made := make_results(RULES, FARES), gate=choose(made)))
    monkeypatch.setattr(material, "CLASSES", NAMES)
    text = render(replace(made := make_results(RULES, FARES), gate=choose(made)))
    page, usual = Page(text), Page(plain)
    assert page.open == []
    assert [tag for tag, _ in page.tags if tag not in {"path", "g", "use", "text"}] == [
        tag for tag, _ in usual.tags if tag not in {"path", "g", "use", "text"}
    ]
    for name in NAMES:
        assert html(name) in text
    assert all(visible(char) == char or char == "\n" for char in text)


def test_reasons_and_names_of_files_are_text_in_the_page(results: Results) -> None:
    refused = tuple(Refusal(file=f"{name}.png", reason=name) for name in NAMES)
    dataset = results.dataset.model_copy(update={"refused": refused, "kept_out": refused, "notes": NAMES})
    not_made = {f"recipe{k}": name for k, name in enumerate(NAMES)}
    usual = {f"recipe{k}": "a reason" for k in range(len(NAMES))}
    plain = results.dataset.model_copy(
        update={key: (Refusal(file="a", reason="b"),) * len(NAMES) for key in ("refused", "kept_out")}
        | {"notes": ("a note",) * len(NAMES)}
    )
    text = render(replace(results, dataset=dataset, not_made=not_made))
    page, other = Page(text), Page(render(replace(results, dataset=plain, not_made=usual)))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in other.tags]
    assert [list(of) for _, of in page.tags] == [list(of) for _, of in other.tags]
    for name in NAMES:
        assert text.count(f"<li>{html(name)}.png: {html(name)}</li>") == 2
        assert f"<p>{html(name)}</p>" in text
        assert f"<li>{html(name)}</li>" in text
    assert all(visible(char) == char or char == "\n" for char in text)


@pytest.mark.parametrize("value", ["x)", "(x)", ") (", "1 (2)", "dog (small) (old)", " ()"])
def test_a_cell_loses_no_letter(value: str) -> None:
    shown = re.sub("<[^>]+>", "", table_of("A table", [{"a": "first", "b": value}]).partition("</thead>")[2])
    assert "".join(shown.split()).removeprefix("first") in {
        "".join(value.split()),
        "".join(value.replace(" (", "", 1)[:-1].split()),
    }
