"""What a person reads at the end of a command: tables in the terminal, the same as JSON."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from flows.terminal import print_json as print_json  # noqa: PLC0414 - who prints tables prints JSON, too
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.evaluation.records import PROVISIONAL, REPORT
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.tables import candidates_table

if TYPE_CHECKING:
    from flows.retrain import Outcome

SHOWN = ("Candidate", "Accuracy", "Difference", "Loaded", "Stored", "Smaller", "Latency", "Speed", "Gate")
WIDE = 160  # columns where there is no terminal to ask
TEXT_COLUMNS = {"Candidate", "Validation", "Created", "Recipe", "Channels", "Channel", "Move", "When", "Who", "Why"}


def print_outcome(params: Params, outcome: "Outcome") -> None:
    """The end of a run: candidates, verdict, report, release."""
    results = load_results(params)
    print_results(results)
    console = _console()
    if outcome.release is None:
        said = {each.sentence for each in (results.gate, results.decision) if each}
        why = "" if outcome.sentence in said else f" {outcome.sentence}"
        console.print(f"[bold]{outcome.ending}[/]: nothing was deployed.{why}", soft_wrap=True)
    else:
        release, deployment = outcome.release, params.deployment
        channel = deployment.channel if deployment.channel in release.channels else deployment.staging
        line = f"{deployment.model} {release.version} is {channel} in {deployment.store}"
        console.print(f"[bold]{outcome.ending}[/]: {line}", soft_wrap=True)


def print_results(results: Results) -> None:
    """Candidates, the provisional verdict, the decision if there is one, and where the report is."""
    console = _console()
    rows = [{name: row[name] for name in SHOWN} for row in candidates_table(results)]
    print_rows("Candidates, on the validation split", rows)
    if results.gate is not None:
        console.print(f"[bold]Gate, on validation[/]: {results.gate.sentence}", soft_wrap=True)
    if results.decision is not None:
        console.print(f"[bold]Decision[/]: {results.decision.sentence}", soft_wrap=True)
    console.print(f"Report: {report_of(results).resolve()}", soft_wrap=True)


def report_of(results: Results) -> Path:
    """The report with the decision, or the one before it."""
    return PROVISIONAL if results.decision is None else REPORT


def results_record(results: Results) -> dict[str, Any]:
    """The results as plain values."""
    return {
        "dataset": results.dataset.model_dump(mode="json", exclude={"refused", "kept_out"}),
        "training": results.training.model_dump(mode="json"),
        "quality": {name: quality.model_dump(mode="json") for name, quality in results.qualities.items()},
        "benchmark": results.benchmark.model_dump(mode="json"),
        "gate": results.gate.model_dump(mode="json") if results.gate else None,
        "decision": results.decision.model_dump(mode="json") if results.decision else None,
        "report": str(report_of(results).resolve()),
    }


def print_releases(model: str, rows: Sequence[Release]) -> None:
    """A line for each release, newest first."""
    table = [
        {
            "Version": str(row.version),
            "Created": row.created,
            "Recipe": row.recipe,
            "Loaded": f"{row.loaded_bytes:,}",
            "Stored": f"{row.stored_bytes:,}",
            "Accuracy": f"{row.accuracy:.4f}",
            "Channels": ", ".join(row.channels),
        }
        for row in rows
    ]
    print_rows(f"Releases of {model}", table)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def print_rows(title: str, rows: Sequence[dict[str, str]]) -> None:
    """A table whose columns are the rows' keys."""
    table = Table(title=title, title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(column, justify="left" if column in TEXT_COLUMNS else "right")
    for row in rows:
        table.add_row(*row.values())
    _console().print(table if rows else f"{title}: none yet.")
