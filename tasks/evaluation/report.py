"""The report: one static HTML file that needs nothing from outside and no script.

The flow and the terminal reuse its parts: :func:`load_results`, :func:`candidates_table`, :func:`pareto_svg`.
"""

from tasks.evaluation import markup
from tasks.evaluation.eligibility import describe_broken
from tasks.evaluation.pictures import MOST_CLASSES, curves_svg, pareto_svg, recall_svg, themed
from tasks.evaluation.records import BASELINE, Decision, GateReport
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.tables import (
    candidates_table,
    cost_table,
    decision_table,
    describe_step,
    details_table,
    layers_table,
    promises_table,
    quality_table,
    rules_table,
    skips_table,
    splits_table,
    tables_within,
)
from tasks.text import html as escape
from tasks.wording import capitalized, invert, number, one, times
from tasks.workloads import find_workload

__all__ = ["Results", "candidates_table", "load_results", "pareto_svg", "render"]

MOST_CELLS = 20  # classes of a confusion matrix that is shown whole
MOST_LINES = 20  # of a list


def render(results: Results) -> str:
    """The whole page; without a decision its verdict is provisional.

    Raises:
        ValueError: the gate has not chosen yet.
    """
    verdict, decision = results.gate, results.decision
    if verdict is None:
        raise ValueError("Expected results with the gate's verdict. Received: none.")
    chosen = verdict.chosen
    return markup.page(
        f"slimline · {decision.outcome if decision else 'provisional'} · {results.params.deployment.model}",
        f"<header><h1>{escape(results.params.deployment.model)}</h1>"
        f'<span class="muted">{escape(about(results))}</span></header>',
        "<main>",
        verdict_banner(verdict, decision),
        key_figures(results, chosen),
        markup.section(
            "Candidates",
            markup.figure(
                themed(pareto_svg(results)), "Up and to the right is better. The line joins what no other beats."
            ),
            markup.table(
                "On the validation split, best first; intervals at 95 %, differences in points",
                candidates_table(results),
                strong=chosen,
            ),
            markup.listing(choice.sentence for choice in verdict.choices),
        ),
        markup.section("The decision on sealed samples", decided(decision)) if decision else "",
        markup.section(
            "The gate's rules on validation",
            rules_prose(results),
            markup.paragraph(
                f"The candidate was chosen on the validation split by {verdict.objective}. The figures of the sealed "
                f"test split are shown to nobody, so that no candidate can be made to fit them. The smallest margin of "
                f"{results.measuring.main.noun} that a first decision on it can prove is "
                f"{results.measuring.main.margin(verdict.smallest_margin)}.",
                "muted",
            ),
        ),
        markup.section(
            f"{chosen} beside the baseline",
            markup.table("On the validation split", quality_table(results, chosen)),
            markup.table("Cost", cost_table(results, chosen)),
            *of_classes(results, chosen),
        ),
        markup.section("How the candidates were made", *recipes(results)),
        markup.section(
            "How the baseline was trained",
            markup.paragraph(
                f"{results.training.model}, {results.training.parameters:,} parameters, "
                f"{results.training.epochs} epochs; the weights of epoch {results.training.best_epoch} were kept."
            ),
            markup.paragraph(f"Its LiteRT file: {results.training.conversion.sentence}.")
            if results.training.conversion
            else "",
            markup.figure(themed(curves_svg(results)), "Training of the baseline") if results.history else "",
        ),
        markup.section("Data", *data(results)),
        "</main>",
        footer(results),
    )


def about(results: Results) -> str:
    """The line beside the title."""
    dataset = results.dataset
    shape = " × ".join(map(str, dataset.input.shape))
    classes = f"{len(dataset.classes)} classes · " if dataset.classes else ""
    return f"{classes}{shape} · samples {dataset.source_digest[:12]}"


def verdict_banner(verdict: GateReport, decision: Decision | None) -> str:
    """The verdict, coloured; the outcome is a word too, for those who see no colours."""
    outcome, colour, text = "PROVISIONAL", "FAIL" if verdict.outcome == "FAIL" else "", verdict.sentence
    if decision is not None:
        outcome = colour = decision.outcome
        text = decision.sentence.removeprefix(f"{outcome}: ")
        text = text[:1].upper() + text[1:] if not text.startswith(verdict.chosen) else text
    return f'<div class="verdict {colour}" role="status"><p><strong>{outcome}</strong> {escape(text)}</p></div>'


def decided(decision: Decision) -> str:
    """What the decision cost and what is left."""
    return markup.table("As the ledger has it", decision_table(decision))


def key_figures(results: Results, chosen: str) -> str:
    """Four numbers to remember."""
    quality, cost, speed = results.qualities[chosen].splits["validation"], results.cost(chosen), results.speed(chosen)
    faster = invert(speed.latency_ratio)
    smaller = results.cost(BASELINE).stored_bytes / cost.stored_bytes
    main, before = results.measuring.main, results.qualities[BASELINE].splits["validation"]
    value = quality.metrics[main.name]
    thing = one(find_workload(results.dataset.workload).thing)
    tiles = [
        (
            f"Validation {main.noun}",
            main.shown(value),
            f"{main.apart(value - before.metrics[main.name])} from the baseline",
        ),
        ("Smaller", times(smaller), f"{cost.stored_bytes:,} bytes stored, {cost.loaded_bytes:,} loaded"),
        ("Speed", times(faster.value), f"of the baseline's; {number(speed.median_us, 1)} µs {thing}"),
        *(
            (capitalized(aside.title), aside.shown, f"of {quality.samples:,} validation samples")
            for aside in results.measuring.asides(quality.details)
        ),
    ]
    return (
        '<dl class="figures">'
        + "".join(f"<div><dt>{a}</dt><dd>{b}<small>{escape(c)}</small></dd></div>" for a, b, c in tiles)
        + "</dl>"
    )


def rules_prose(results: Results) -> str:
    """Each rule with its outcome and sentence."""
    rows = rules_table(results)
    outcomes = [rule.outcome for rule in results.gate.rules] if results.gate else []
    body = "\n".join(
        f'<tr><th scope="row">{escape(row["Rule"])}</th><td>{escape(row["Against"])}</td>'
        f'<td><strong class="{outcome}-text">{escape(row["Outcome"])}</strong></td><td>{escape(row["Why"])}</td></tr>'
        for row, outcome in zip(rows, outcomes, strict=True)
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Rule", "Against", "Outcome", "Why"))
    return markup.scroll(
        f'<table class="prose"><caption>On the validation split</caption>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>",
        "The rules of the gate",
    )


def of_classes(results: Results, chosen: str) -> list[str]:
    """Recall and confusions, if there are classes."""
    classes = results.dataset.classes
    if not classes:
        return []
    more = "; those that lost most" if len(classes) > MOST_CLASSES else ""
    return [
        markup.figure(themed(recall_svg(results, chosen)), f"Recall of each class{more}"),
        confusions(results, chosen),
    ]


def confusions(results: Results, chosen: str) -> str:
    """The confusion matrix of the chosen candidate, or its most frequent confusions where classes are many."""
    classes, matrix = results.dataset.classes, results.qualities[chosen].splits["validation"].details["confusion"]
    if len(classes) > MOST_CELLS:
        pairs = sorted(
            ((count, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row) if i != j and count),
            key=lambda pair: (-pair[0], pair[1:]),
        )
        rows = [
            {"Class": classes[i], "Taken for": classes[j], "Samples": f"{count:,}"}
            for count, i, j in pairs[:MOST_LINES]
        ]
        return markup.table(f"The most frequent confusions of {chosen} on the validation split", rows)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(heat(count, sum(row)) for count in row)}</tr>'
        for name, row in zip(classes, matrix, strict=True)
    )
    caption = f"Confusion matrix of {chosen} on the validation split; rows are true classes, columns its answers"
    return markup.scroll(
        f'<table class="heat"><caption>{escape(caption)}</caption>\n<thead><tr><td></td>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>",
        caption,
    )


def heat(count: int, of: int) -> str:
    """A cell that is the darker the more of its row it holds."""
    if not count:
        return '<td class="muted">·</td>'
    share = 100 * count / of
    ink = "var(--paper)" if share > 55 else "inherit"
    ground = f"color-mix(in srgb, var(--accent) {8 + 0.92 * share:.0f}%, transparent)"
    return f'<td style="background:{ground};color:{ink}">{count:,}</td>'


def recipes(results: Results) -> list[str]:
    """What each recipe did: its steps, what they left alone and why, what they promised."""
    blocks = []
    for name, candidate in results.candidates.items():
        promises = [promise for step in candidate.steps for promise in step.promises]
        kept = sum(promise.holds for promise in promises)
        steps = []
        for step in candidate.steps:
            changed = f"{len(step.changed)} layers changed, {len(step.skipped)} left alone"
            steps += [
                f"<h3>{escape(describe_step(step))}</h3>",
                markup.paragraph(f"{changed}, {number(step.seconds, 1)} s", "muted"),
                markup.paragraph(f"The file: {step.comparison.sentence}.") if step.comparison else "",
                markup.table("Left alone", skips_table(step)),
                markup.table("Measured and chosen on the way", details_table(step)),
                *(markup.table(name.capitalize(), rows) for name, rows in tables_within(step).items()),
                markup.table("Layers after this step", layers_table(step)),
                markup.table("Promises, measured after this step", promises_table(step)),
            ]
        summary = f"{name}: {' → '.join(step.technique for step in candidate.steps)}"
        broken = describe_broken(candidate)
        steps = [markup.paragraph(broken), *steps] if broken else steps
        blocks.append(markup.details(f"{summary} · {kept} of {len(promises)} promises hold", *steps))
    return blocks + [
        markup.details(f"{name}: not made", markup.paragraph(reason)) for name, reason in results.not_made.items()
    ]


def data(results: Results) -> list[str]:
    """What was prepared, what was refused and why."""
    dataset = results.dataset
    refused = [f"{refusal.file}: {refusal.reason}" for refusal in dataset.refused]
    kept_out = [f"{refusal.file}: {refusal.reason}" for refusal in dataset.kept_out]
    return [
        markup.paragraph(
            f"{dataset.read:,} samples were read, {dataset.refused_samples:,} refused, "
            f"{dataset.kept_out_samples:,} kept out of training since an equal one is held back."
        ),
        markup.listing(dataset.notes),
        markup.table("Samples of each class", splits_table(results)),
        listed("Refused", refused, dataset.refused_samples),
        listed("Kept out of training", kept_out, dataset.kept_out_samples),
    ]


def listed(title: str, lines: list[str], total: int) -> str:
    """The first lines of what may be long."""
    shown = lines[:MOST_LINES]
    more = [f"… and {total - len(shown):,} more, in dataset.json"] if total > len(shown) else []
    return markup.details(f"{title}: {total:,}", markup.listing([*shown, *more])) if shown else ""


def footer(results: Results) -> str:
    """By what all of it can be found again."""
    benchmark, gate = results.benchmark, results.gate
    lines = [
        f"Measured on {benchmark.cpu} with {benchmark.runtime}, {benchmark.threads} thread, "
        f"{benchmark.extent}, throughput in batches of {benchmark.batch}.",
        f"Data {results.dataset.source_digest[:16]}",
        f"baseline weights {results.training.weights_sha256[:16]}",
        f"chosen model {gate.model_sha256[:16] if gate else ''}",
    ]
    return f"<footer><p>{escape(lines[0])}</p><p>{' · '.join(map(escape, lines[1:]))}</p></footer>"
