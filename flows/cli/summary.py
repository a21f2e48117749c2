"""Output for people at the end of a command: tables in the terminal, the same as JSON."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.terminal import tell
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.registry import Odd
from tasks.evaluation.eligibility import ineligible_choices
from tasks.evaluation.records import PROVISIONAL, REPORT
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.tables import candidates_table
from tasks.text import visible
from tasks.wording import capitalized

if TYPE_CHECKING:
    from flows.line.concluding import RunResult

SHOWN = ("Difference", "Loaded", "Stored", "Smaller", "Latency", "Speed", "Gate")
WIDE = 160  # columns where there is no terminal to ask
TEXT_COLUMNS = {
    "Class",
    "Key",
    "Value",
    "Meaning",
    "Candidate",
    "Validation",
    "Created",
    "Recipe",
    "Channels",
    "Channel",
    "Move",
    "When",
    "Who",
    "Why",
    "Ended",
}


def print_result(params: Params, result: "RunResult") -> None:
    """Print the end of a run: candidates, verdict, report, release.

    Args:
        params: of the project.
        result: of the run.
    """
    results = load_results(params)
    print_results(results)
    if result.release is None:
        said = {each.sentence for each in (results.gate, results.decision) if each}
        why = "" if result.sentence in said else f" {result.sentence}"
        _print(result.ending, f"nothing was deployed.{why}")
    else:
        release, deployment = result.release, params.deployment
        channel = deployment.channel if deployment.channel in release.channels else deployment.staging
        _print(result.ending, f"{deployment.model} {release.version} is {channel} in {deployment.store}")
        if result.ending == "AwaitingApproval":
            name = f"{deployment.model}@{release.version}"
            for answer in ("approve", "reject"):
                tell(f"slimline {answer} {name} --reason …")


def print_results(results: Results) -> None:
    """Print candidates, the provisional verdict, the decision if there is one, and where the report is.

    Args:
        results: of the last run.
    """
    shown = ("Candidate", capitalized(results.measuring.main.noun), *SHOWN)
    rows = [{name: row[name] for name in shown} for row in candidates_table(results)]
    print_rows("Candidates, on the validation split", rows)
    for choice in ineligible_choices(results, 0):
        tell(choice.sentence)
    if results.gate is not None:
        _print("Gate, on validation", results.gate.sentence)
    if results.decision is not None:
        _print("Decision", results.decision.sentence)
    tell(f"Report: {report_of(results).resolve()}")


def report_of(results: Results) -> Path:
    """Return the path of the report with the decision, or of the one before it.

    Args:
        results: of the last run.
    """
    return PROVISIONAL if results.decision is None else REPORT


def results_record(results: Results) -> dict[str, Any]:
    """Return the results as plain values.

    Args:
        results: of the last run.
    """
    return {
        "dataset": results.dataset.model_dump(mode="json", exclude={"refused", "kept_out"}),
        "training": results.training.model_dump(mode="json"),
        "quality": {name: quality.model_dump(mode="json") for name, quality in results.qualities.items()},
        "benchmark": results.benchmark.model_dump(mode="json"),
        "not_made": dict(results.not_made),
        "gate": results.gate.model_dump(mode="json") if results.gate else None,
        "decision": results.decision.model_dump(mode="json") if results.decision else None,
        "report": str(report_of(results).resolve()),
    }


def odd_records(odd: Sequence[Odd], name: str, kind: type[BaseModel]) -> list[dict[str, Any]]:
    """Return records of what is not understood: nothing in their fields, and the problem beside.

    Args:
        odd: what is not understood.
        name: of the field that gets the key.
        kind: of the records.
    """
    nothing = dict.fromkeys(kind.model_fields)
    return [{**nothing, name: each.key, "problem": each.why} for each in odd]


def tell_odd(odd: Sequence[Odd]) -> None:
    """Print a line for each object that is not understood.

    Args:
        odd: these objects.
    """
    for each in odd:
        tell(f"Not understood: {each}")


def print_releases(model: str, rows: Sequence[Release]) -> None:
    """Print a line for each release, newest first; a metric that one was not measured by is left empty.

    Args:
        model: the model's name.
        rows: the releases.
    """
    metrics = dict.fromkeys(name for row in rows for name in row.metrics)
    table = [
        {
            "Version": str(row.version),
            "Created": row.created,
            "Recipe": row.recipe,
            "Loaded": f"{row.loaded_bytes:,}",
            "Stored": f"{row.stored_bytes:,}",
            **{capitalized(name): f"{row.metrics[name]:.4f}" if name in row.metrics else "" for name in metrics},
            "Channels": ", ".join(row.channels),
        }
        for row in rows
    ]
    print_rows(f"Releases of {model}", table)


def _print(label: str, line: str) -> None:
    """A line that begins with a bold word."""
    _console().print(Text.assemble((visible(label), "bold"), f": {visible(line)}"), soft_wrap=True)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def print_rows(title: str, rows: Sequence[dict[str, str]]) -> None:
    """Print a table whose columns are the rows' keys; what is too long goes on in the next line.

    Args:
        title: above the table.
        rows: all with the same keys.
    """
    if not rows:
        tell(f"{title}: none yet.")
        return
    table = Table(title=_cell(title), title_justify="left")
    for column in rows[0]:
        table.add_column(_cell(column), justify="left" if column in TEXT_COLUMNS else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    _console().print(table)


def _cell(text: str) -> Text:
    """Text that is no markup, and holds no emoji code."""
    return Text(visible(text))
