"""The report: one static HTML file that needs nothing from outside and no script.

This module computes what the page shows, as rows, sentences and pictures; the templates say how it looks.
"""

from dataclasses import dataclass
from itertools import chain

from tasks.evaluation.confusions import confuse
from tasks.evaluation.making import describe_recipes
from tasks.evaluation.pictures import MOST_CLASSES, curves_svg, pareto_svg, recall_svg, themed
from tasks.evaluation.records import BASELINE, Decision, GateReport
from tasks.evaluation.results import Results
from tasks.evaluation.tables import (
    candidates_table,
    cost_table,
    decision_table,
    quality_table,
    rules_table,
    splits_table,
)
from tasks.evaluation.wording import invert, number, percent, points, times
from tasks.html import render as render_template
from tasks.samples import Refusal

MOST_LINES = 20  # of a list


@dataclass(frozen=True)
class Banner:
    """The verdict; the outcome is a word as well as a colour, for those who see no colours."""

    outcome: str
    tone: str
    text: str


@dataclass(frozen=True)
class Figure:
    """A number to remember."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class LeftOut:
    """Samples that are not used, and why: the first of them."""

    title: str
    lines: list[str]


def render(results: Results) -> str:
    """Return the whole page; without a decision its verdict is provisional.

    Raises:
        ValueError: the gate has not chosen yet.
    """
    verdict, decision = results.gate, results.decision
    if verdict is None:
        raise ValueError("Expected results with the gate's verdict. Received: none.")
    chosen = verdict.chosen
    return render_template(
        "tasks/evaluation/templates/report.html.j2",
        model=results.params.deployment.model,
        ending=decision.outcome if decision else "provisional",
        about=about(results),
        banner=verdict_banner(verdict, decision),
        figures=key_figures(results, chosen),
        chosen=chosen,
        pareto=themed(pareto_svg(results)),
        candidates=candidates_table(results),
        choices=[choice.sentence for choice in verdict.choices],
        decision=decision_table(decision) if decision else [],
        judged=list(zip(rules_table(results), [rule.outcome for rule in verdict.rules], strict=True)),
        objective=verdict.objective,
        smallest_margin=number(100 * verdict.smallest_margin),
        quality=quality_table(results, chosen),
        cost=cost_table(results, chosen),
        recall=themed(recall_svg(results, chosen)),
        some_classes=len(results.dataset.classes) > MOST_CLASSES,
        confused=confuse(results, chosen),
        recipes=describe_recipes(results),
        not_made=results.not_made,
        training=results.training,
        curves=themed(curves_svg(results)) if results.history else None,
        dataset=results.dataset,
        splits=splits_table(results),
        left_out=left_out(results),
        measured=how_measured(results),
        digests=digests(results, verdict),
    )


def about(results: Results) -> str:
    """Return the line beside the title."""
    dataset = results.dataset
    shape = " × ".join(map(str, dataset.input.shape))
    return f"{len(dataset.classes)} classes · {shape} · samples {dataset.source_digest[:12]}"


def verdict_banner(verdict: GateReport, decision: Decision | None) -> Banner:
    """Return the decision, or the provisional verdict where there is none."""
    if decision is None:
        return Banner("PROVISIONAL", "FAIL" if verdict.outcome == "FAIL" else "", verdict.sentence)
    text = decision.sentence.removeprefix(f"{decision.outcome}: ")
    text = text if text.startswith(verdict.chosen) else text[:1].upper() + text[1:]
    return Banner(decision.outcome, decision.outcome, text)


def key_figures(results: Results, chosen: str) -> list[Figure]:
    """Return four numbers to remember."""
    quality, cost, speed = results.qualities[chosen].splits["validation"], results.cost(chosen), results.speed(chosen)
    faster = invert(speed.latency_ratio)
    smaller = results.cost(BASELINE).stored_bytes / cost.stored_bytes
    loss = quality.accuracy - results.qualities[BASELINE].splits["validation"].accuracy
    return [
        Figure("Validation accuracy", percent(quality.accuracy), f"{points(loss)} points from the baseline"),
        Figure("Smaller", times(smaller), f"{cost.stored_bytes:,} bytes stored, {cost.loaded_bytes:,} loaded"),
        Figure("Speed", times(faster.value), f"of the baseline's; {number(speed.median_us, 1)} µs an image"),
        Figure("Same answers", percent(quality.agreement or 0), f"of {quality.samples:,} validation samples"),
    ]


def left_out(results: Results) -> list[LeftOut]:
    """Return what was refused and what was kept out of training; a list that is empty is left away."""
    dataset = results.dataset
    lists = [
        ("Refused", dataset.refused, dataset.refused_samples),
        ("Kept out of training", dataset.kept_out, dataset.kept_out_samples),
    ]
    return [
        LeftOut(f"{title}: {total:,}", first_lines(refusals, total)) for title, refusals, total in lists if refusals
    ]


def first_lines(refusals: tuple[Refusal, ...], total: int) -> list[str]:
    """Return a line for each of the first samples, and one that counts the others."""
    shown = [f"{refusal.file}: {refusal.reason}" for refusal in refusals[:MOST_LINES]]
    more = [f"… and {total - len(shown):,} more, in dataset.json"] if total > len(shown) else []
    return list(chain(shown, more))


def how_measured(results: Results) -> str:
    """Return the conditions of the measurement."""
    benchmark = results.benchmark
    return (
        f"Measured on {benchmark.cpu} with {benchmark.runtime}, {benchmark.threads} thread, "
        f"{benchmark.extent}, throughput in batches of {benchmark.batch}."
    )


def digests(results: Results, verdict: GateReport) -> list[str]:
    """Return by what all of it can be found again."""
    return [
        f"Data {results.dataset.source_digest[:16]}",
        f"baseline weights {results.training.weights_sha256[:16]}",
        f"chosen model {verdict.model_sha256[:16]}",
    ]
