"""What the pages of Prefect show is text: they take the cells of a table and the words of a verdict for Markdown."""

from dataclasses import replace

from markdown_it import MarkdownIt

from flows.line.artifacts import _verdict, shown_rows
from tasks.evaluation.gate import choose
from tests.tasks.evaluation.material import make_results

NASTY = "a | b <script>x</script> ![p](https://a.example/p.png) [l](javascript:x) `c` **d** \x1b[2J\n# head"
SHOWN = "\\x1b[2J\\n# head"
RULES = [{"metric": "accuracy", "margin": 0.03}]
FARES = {"baseline": (900, 900, 620_000, 95.0), "int8": (901, 899, 162_000, 34.0)}


def test_a_cell_of_a_table_is_text() -> None:
    ((cell, number),) = (row.values() for row in shown_rows([{"Why": NASTY, "Bytes": 3}]))
    html = MarkdownIt("commonmark").enable("table").render(cell)
    assert number == 3
    assert SHOWN in html
    assert not any(tag in html for tag in ("<script", "<img", "<a ", "<code", "<strong", "<h1"))


def test_the_sentences_of_a_verdict_are_text() -> None:
    results = make_results(RULES, FARES)
    gate = choose(results)
    rules = tuple(rule.model_copy(update={"sentence": NASTY}) for rule in gate.rules)
    choices = tuple(choice.model_copy(update={"sentence": NASTY}) for choice in gate.choices)
    changed = gate.model_copy(update={"sentence": NASTY, "rules": rules, "choices": choices})
    html = MarkdownIt("commonmark").enable("table").render(_verdict(replace(results, gate=changed)))
    assert html.count(SHOWN) == 1 + len(rules) + len(choices)
    assert not any(tag in html for tag in ("<script", "<img", "<a ", "<code", "<h1"))
