"""What the operator sees on the run's page: the candidates, the picture, the verdict and the report."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from tasks.evaluation.pictures import pareto_svg
from tasks.evaluation.records import REPORT
from tasks.evaluation.results import Results
from tasks.evaluation.tables import candidates_table, decision_table

SIGNS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "NO_BASELINE": "➖"}


def show_results(results: Results) -> None:
    """Put the results of a run on its page."""
    create_table_artifact(
        table=candidates_table(results), key="candidates", description="Every candidate beside the baseline"
    )
    create_markdown_artifact(markdown=_pareto(results), key="pareto", description="Stored bytes against accuracy")
    create_markdown_artifact(markdown=_verdict(results), key="gate", description="The gate's verdict")
    create_link_artifact(
        link=REPORT.resolve().as_uri(), link_text=str(REPORT), key="report", description="The whole report, one file"
    )


def _pareto(results: Results) -> str:
    picture = base64.b64encode(pareto_svg(results).encode()).decode()
    return f"![Stored bytes against accuracy, latency as colour](data:image/svg+xml;base64,{picture})"


def _verdict(results: Results) -> str:
    gate = results.gate
    if gate is None:
        return "The gate has not chosen yet."
    rules = "\n".join(f"- {SIGNS[rule.outcome]} {rule.sentence}" for rule in gate.rules)
    choices = "\n".join(f"{choice.rank}. **{choice.candidate}** — {choice.sentence}" for choice in gate.choices)
    decision = results.decision
    head = (
        f"## {SIGNS[decision.outcome]} {decision.outcome}\n\n{decision.sentence}\n\n"
        f"### The decision\n{markdown(decision_table(decision))}\n\n"
        if decision
        else f"## Provisional: {SIGNS[gate.outcome]} {gate.outcome} on validation\n\n"
    )
    return (
        f"{head}{gate.sentence}\n\n### Rules, on the validation split\n{rules}\n\n"
        f"### The choice, on the validation split\n{choices}\n"
    )


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as a table."""
    cells = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def report_path() -> Path:
    """Where the report is."""
    return REPORT
