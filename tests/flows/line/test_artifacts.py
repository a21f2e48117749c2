"""Prefect's pages show text: they take the cells of a table and the words of a verdict for Markdown."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from flows.line.artifacts import (
    curves_markdown,
    exhibit_markdown,
    outcome_exhibits,
    release_markdown,
    rule_numbers,
    verdict_markdown,
)
from flows.line.markdown import markdown_picture, shown_rows
from tasks.deployment.records import Release
from tasks.evaluation.gate import choose
from tasks.evaluation.results import Results
from tasks.verdicts import RuleVerdict
from tasks.workloads.measuring import Exhibit
from tests.tasks.evaluation.material import make_results
from tests.tasks.hostile import NASTY as HOSTILE

NASTY = "a | b <script>x</script> ![p](https://a.example/p.png) [l](javascript:x) `c` **d** \x1b[2J\n# head"
SHOWN = "\\x1b[2J\\n# head"
RULES = [{"metric": "accuracy", "margin": 0.03}]
FARES = {"baseline": (900, 900, 620_000, 95.0), "int8": (901, 899, 162_000, 34.0)}
MARKUP = ("<script", "<img", "<a ", "<code", "<strong", "<h1")


def rendered(text: str) -> str:
    """As Prefect's pages show it, which take any link."""
    reader = MarkdownIt("commonmark").enable("table")
    reader.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return str(reader.render(text))


@pytest.fixture
def results() -> Results:
    made = make_results(RULES, FARES)
    return replace(made, gate=choose(made))


def release(**changes: object) -> Release:
    made = Release(
        model="shades",
        version=7,
        created="2026-01-01T00:00:00+00:00",
        recipe="int8",
        stored_bytes=12_345,
        loaded_bytes=23_456,
        metrics={"accuracy": 0.9876},
        channels=("production",),
        manifest_sha256="a" * 64,
    )
    return made.model_copy(update=changes)


def test_a_cell_of_a_table_is_text() -> None:
    ((cell, number),) = (row.values() for row in shown_rows([{"Why": NASTY, "Bytes": 3}]))
    assert number == 3
    html = rendered(cell)
    assert SHOWN in html
    assert not any(tag in html for tag in MARKUP)


def test_the_sentences_of_a_verdict_are_text(results: Results) -> None:
    gate = results.gate
    assert gate
    rules = tuple(rule.model_copy(update={"sentence": NASTY}) for rule in gate.rules)
    choices = tuple(choice.model_copy(update={"sentence": NASTY}) for choice in gate.choices)
    changed = gate.model_copy(update={"sentence": NASTY, "rules": rules, "choices": choices})
    html = rendered(verdict_markdown(replace(results, gate=changed)))
    assert html.count(SHOWN) == 1 + len(rules) + len(choices)
    assert not any(tag in html for tag in ("<script", "<img", "<a ", "<code", "<h1"))


def test_a_verdict_has_the_numbers_of_each_rule() -> None:
    least = RuleVerdict(
        metric="accuracy",
        versus="baseline",
        outcome="PASS",
        value=0.001,
        low=-0.0123,
        high=0.0145,
        limit=-0.03,
        sentence="",
    )
    most = RuleVerdict(
        metric="stored_bytes",
        versus=None,
        outcome="FAIL",
        value=0.7,
        low=None,
        high=None,
        limit=0.6,
        at_most=True,
        sentence="",
    )
    html = rendered(rule_numbers((least, most)))
    for cell in ("0.001", "-0.0123 … 0.0145", "at least -0.03", "a limit", "stored bytes", "0.7", "at most 0.6"):
        assert f"<td>{cell}</td>" in html


def test_the_verdict_shows_the_numbers_of_the_rules_that_were_judged(results: Results) -> None:
    assert results.gate
    assert rule_numbers(results.gate.rules) in verdict_markdown(results)


def test_classes_are_shown_as_a_picture_and_tables(results: Results) -> None:
    per_class, confusion = outcome_exhibits(results)
    html = rendered(exhibit_markdown(per_class))
    assert html.count('<img src="data:image/svg+xml;base64,') == 1
    assert html.count("<tr>") == 11
    assert rendered(exhibit_markdown(confusion)).count("<tr>") == 11


def test_an_outcome_without_exhibits_shows_none(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(results.measuring), "exhibits", None)
    assert outcome_exhibits(results) == ()
    assert outcome_exhibits(replace(results, gate=None)) == ()


@pytest.mark.parametrize("text", [NASTY, *HOSTILE])
def test_names_of_classes_are_text(text: str) -> None:
    html = rendered(exhibit_markdown(Exhibit("x", text, head=(text,), rows=((text,), (text,)))))
    assert html.count("<tr>") == 3
    assert not any(tag in html for tag in (*MARKUP, "<em", "<li", "<blockquote", "<hr"))


def test_the_title_of_a_picture_ends_in_the_picture() -> None:
    html = rendered(markdown_picture("](javascript:x) ![", "<svg/>"))
    assert html.count("<img ") == 1
    assert 'src="data:image/svg+xml;base64,' in html
    assert "<a " not in html


def test_the_training_of_the_baseline_is_a_picture(results: Results) -> None:
    assert rendered(curves_markdown(results)).count("<img ") == 1


def test_a_release_says_where_it_lies_and_how_a_device_gets_it() -> None:
    html = rendered(release_markdown(release(), "s3://bucket/shop"))
    assert 'href="s3://bucket/shop/models/shades/releases/7"' in html
    assert "slimline fetch shades --store s3://bucket/shop --channel production --to device/" in html
    for cell in ("12,345", "23,456", "0.9876", "a" * 64):
        assert f"<td>{cell}</td>" in html


def test_what_a_release_says_is_text() -> None:
    nasty = release(recipe=NASTY, inconclusive=NASTY, metrics={NASTY: 0.5})
    html = rendered(release_markdown(nasty, "file:///a b](javascript:x)\n# head"))
    assert html.count("<a ") == 1
    assert not any(tag in html for tag in ("<script", "<img", "<strong", "<h1"))
