"""The artifacts on the run's page: the candidates, the picture, the verdict and the report."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from tasks.drift.records import DRIFT, DriftReport
from tasks.evaluation.pictures import pareto_svg
from tasks.evaluation.records import REPORT
from tasks.evaluation.results import Results
from tasks.evaluation.tables import candidates_table, decision_table
from tasks.records import read_record
from tasks.text import markdown

SIGNS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "NO_BASELINE": "➖"}


def show_results(results: Results) -> None:
    """Put the results of a run on its page."""
    create_table_artifact(
        table=shown_rows(candidates_table(results)), key="candidates", description="Every candidate beside the baseline"
    )
    create_markdown_artifact(markdown=_pareto(results), key="pareto", description="Stored bytes against quality")
    create_markdown_artifact(markdown=_verdict(results), key="gate", description="The gate's verdict")
    if DRIFT.exists():
        report = read_record(DRIFT, DriftReport)
        create_markdown_artifact(
            markdown=drift_markdown(report), key="drift", description="The data beside production's"
        )
    create_link_artifact(
        link=REPORT.resolve().as_uri(), link_text=str(REPORT), key="report", description="The whole report, one file"
    )


def show_waiting(sentence: str) -> None:
    """Put what waits for a person on the run's page, and how to answer."""
    text = f"{markdown(sentence)}\n\nOn these pages: *Deployments*, `approve`, *Run*, *Custom run*."
    create_markdown_artifact(markdown=text, key="approval", description="It waits for a person")


def drift_markdown(report: DriftReport) -> str:
    """Return what has shifted in the data, and by how much."""
    rows = [
        {
            "Statistic": shift.statistic,
            "Shifted": "yes" if shift.shifted else "no",
            "PSI": f"{shift.psi:.3f}",
            "Effect": f"{shift.effect:.3f}",
            "p": f"{shift.p:.3g}",
            "Test": shift.test,
        }
        for shift in report.shifts
    ]
    table = f"\n\n{markdown_table(rows)}" if rows else ""
    return f"{markdown(report.sentence)}{table}\n"


def _pareto(results: Results) -> str:
    picture = base64.b64encode(pareto_svg(results).encode()).decode()
    return f"![Stored bytes against quality, latency as colour](data:image/svg+xml;base64,{picture})"


def _verdict(results: Results) -> str:
    gate = results.gate
    if gate is None:
        return "The gate has not chosen yet."
    rules = "\n".join(f"- {SIGNS[rule.outcome]} {markdown(rule.sentence)}" for rule in gate.rules)
    choices = "\n".join(
        f"{choice.rank}. **{markdown(choice.candidate)}** — {markdown(choice.sentence)}" for choice in gate.choices
    )
    decision = results.decision
    head = (
        f"## {SIGNS[decision.outcome]} {decision.outcome}\n\n{markdown(decision.sentence)}\n\n"
        f"### The decision\n{markdown_table(decision_table(decision))}\n\n"
        if decision
        else f"## Provisional: {SIGNS[gate.outcome]} {gate.outcome} on validation\n\n"
    )
    return (
        f"{head}{markdown(gate.sentence)}\n\n### Rules, on the validation split\n{rules}\n\n"
        f"### The choice, on the validation split\n{choices}\n"
    )


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as a table."""
    head, body = map(markdown, rows[0]), ([markdown(value) for value in row.values()] for row in rows)
    cells = [list(head), ["---"] * len(rows[0]), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def shown_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a table artifact, whose texts are shown as they are: Prefect's pages take each for Markdown."""
    return [{key: markdown(of) if isinstance(of, str) else of for key, of in row.items()} for row in rows]
