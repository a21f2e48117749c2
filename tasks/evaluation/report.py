"""The report: one static HTML file that needs nothing from outside and no script.

This module computes what the page shows, as rows, sentences and pictures; the templates say how it looks.
"""

from dataclasses import dataclass
from itertools import chain

from tasks.drawing import themed
from tasks.evaluation.making import describe_recipes
from tasks.evaluation.pictures import curves_svg, pareto_svg
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
from tasks.html import Markup
from tasks.html import render as render_template
from tasks.samples import Refusal
from tasks.wording import capitalized, invert, number, one, times
from tasks.workloads import blocks_for, find_workload

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

    Args:
        results: of the stages, with the gate's verdict.

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
        metric=results.measuring.main.noun,
        smallest_margin=results.measuring.main.margin(verdict.smallest_margin),
        quality=quality_table(results, chosen),
        cost=cost_table(results, chosen),
        outcome_blocks=outcome_blocks(results, chosen),
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


def outcome_blocks(results: Results, chosen: str) -> Markup:
    """Return what the outcome shows of a candidate beside the baseline; nothing where it shows no more than tables.

    Args:
        results: of the stages.
        chosen: the candidate's name.
    """
    before, after = (results.qualities[name].splits["validation"].details for name in (BASELINE, chosen))
    blocks = blocks_for(results.dataset.workload)
    return Markup() if blocks is None else blocks(chosen, before, after)


def about(results: Results) -> str:
    """Return the line beside the title.

    Args:
        results: of the stages.
    """
    dataset = results.dataset
    shape = ", ".join(" × ".join(map(str, spec.shape)) for spec in dataset.inputs)
    classes = f"{len(dataset.classes)} classes · " if dataset.classes else ""
    return f"{classes}{shape} · samples {dataset.source_digest[:12]}"


def verdict_banner(verdict: GateReport, decision: Decision | None) -> Banner:
    """Return the decision, or the provisional verdict where there is none.

    Args:
        verdict: of the gate.
        decision: about the same candidate, if there is one.
    """
    if decision is None:
        return Banner("PROVISIONAL", "FAIL" if verdict.outcome == "FAIL" else "", verdict.sentence)
    text = decision.sentence.removeprefix(f"{decision.outcome}: ")
    text = text if text.startswith(verdict.chosen) else text[:1].upper() + text[1:]
    return Banner(decision.outcome, decision.outcome, text)


def key_figures(results: Results, chosen: str) -> list[Figure]:
    """Return a few numbers to remember.

    Args:
        results: of the stages.
        chosen: the candidate's name.
    """
    quality, cost, speed = results.qualities[chosen].splits["validation"], results.cost(chosen), results.speed(chosen)
    faster = invert(speed.latency_ratio)
    smaller = results.cost(BASELINE).stored_bytes / cost.stored_bytes
    main, before = results.measuring.main, results.qualities[BASELINE].splits["validation"]
    value = quality.metrics[main.name]
    apart = main.apart(value - before.metrics[main.name])
    thing = one(find_workload(results.dataset.workload).thing)
    return [
        Figure(f"Validation {main.noun}", main.shown(value), f"{apart} from the baseline"),
        Figure("Smaller", times(smaller), f"{cost.stored_bytes:,} bytes stored, {cost.loaded_bytes:,} loaded"),
        Figure("Speed", times(faster.value), f"of the baseline's; {number(speed.median_us, 1)} µs {thing}"),
        *(
            Figure(capitalized(extra.title), extra.shown, f"of {quality.samples:,} validation samples")
            for extra in results.measuring.extra_columns(quality.details)
        ),
    ]


def left_out(results: Results) -> list[LeftOut]:
    """Return what was refused and what was kept out of training; a list that is empty is left away.

    Args:
        results: of the stages.
    """
    dataset = results.dataset
    lists = [
        ("Refused", dataset.refused, dataset.refused_samples),
        ("Kept out of training", dataset.kept_out, dataset.kept_out_samples),
    ]
    return [
        LeftOut(f"{title}: {total:,}", first_lines(refusals, total)) for title, refusals, total in lists if refusals
    ]


def first_lines(refusals: tuple[Refusal, ...], total: int) -> list[str]:
    """Return a line for each of the first samples, and one that counts the others.

    Args:
        refusals: the first of them, as dataset.json lists them.
        total: how many there are in all.
    """
    shown = [f"{refusal.file}: {refusal.reason}" for refusal in refusals[:MOST_LINES]]
    more = [f"… and {total - len(shown):,} more, in dataset.json"] if total > len(shown) else []
    return list(chain(shown, more))


def how_measured(results: Results) -> str:
    """Return the conditions of the measurement.

    Args:
        results: of the stages.
    """
    benchmark = results.benchmark
    return (
        f"Measured on {benchmark.cpu} with {benchmark.runtime}, {benchmark.threads} thread, "
        f"{benchmark.extent}, throughput in batches of {benchmark.batch}."
    )


def digests(results: Results, verdict: GateReport) -> list[str]:
    """Return the digests by which data and models can be found again.

    Args:
        results: of the stages.
        verdict: of the gate.
    """
    return [
        f"Data {results.dataset.source_digest[:16]}",
        f"baseline weights {results.training.weights_sha256[:16]}",
        f"chosen model {verdict.model_sha256[:16]}",
    ]
