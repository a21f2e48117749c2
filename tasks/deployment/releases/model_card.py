"""The model card: what the records say, in a person's order (the headings follow Mitchell et al., 2019)."""

from collections.abc import Iterable, Sequence

from tasks.compression.records import Step
from tasks.config import Params
from tasks.deployment.releases.chosen import ChosenCandidate
from tasks.evaluation.records import BASELINE, SplitQuality
from tasks.records import Interval
from tasks.text import markdown, markdown_code, markdown_sentence
from tasks.wording import one
from tasks.workloads import find_workload, measuring_of
from tasks.workloads.measuring import OutcomeMeasuring
from tasks.workloads.metric import Metric

CONFIDENCE = 0.95


def model_card(params: Params, chosen: ChosenCandidate) -> str:
    """Return the card as Markdown.

    Args:
        params: of the project.
        chosen: the candidate and its records.
    """
    parts = {
        markdown(f"{params.deployment.model}: {chosen.training.model}, {chosen.gate.chosen}"): [],
        "Intended use": intended_use(chosen),
        "Data": data(params, chosen),
        "Training": training(params, chosen),
        "Compression": compression(chosen.record.steps),
        "Metrics": metrics(chosen),
        "Gate": gate(chosen),
        "Limits": limits(chosen),
    }
    texts = (
        "\n".join([f"{'#' if not number else '##'} {title}", "", *lines])
        for number, (title, lines) in enumerate(parts.items())
    )
    return "\n\n".join(text.rstrip() for text in texts) + "\n"


def intended_use(chosen: ChosenCandidate) -> list[str]:
    """Return the question that the model answers.

    Args:
        chosen: the candidate and its records.
    """
    dataset = chosen.dataset
    workload = find_workload(dataset.workload)
    return [
        measuring_of(dataset).describe_task(workload.describe(dataset.inputs), dataset),
        f"`signature.json` says how {workload.things} go in and how the answer is read.",
    ]


def data(params: Params, chosen: ChosenCandidate) -> list[str]:
    """Return the data that the model was trained and judged on.

    Args:
        params: of the project.
        chosen: the candidate and its records.
    """
    dataset = chosen.dataset
    return [
        f"Source {markdown_code(params.data.source)}, digest `{dataset.source_digest}`: {dataset.read:,} samples read, "
        f"{dataset.refused_samples:,} refused, {dataset.kept_out_samples:,} kept out since an equal one "
        f"is in the validation or the test split.",
        "",
        *table(("split", "samples"), ((split, f"{part.samples:,}") for split, part in dataset.splits.items())),
        "",
        *bullets(map(markdown, dataset.notes)),
    ]


def training(params: Params, chosen: ChosenCandidate) -> list[str]:
    """Return how the baseline was trained.

    Args:
        params: of the project.
        chosen: the candidate and its records.
    """
    report, config, measuring = chosen.training, params.training, measuring_of(chosen.dataset)
    shown = ", ".join(
        f"validation {measuring.metric(name).noun} {plain(measuring.metric(name), value)}"
        for name, value in report.metrics.items()
    )
    return [
        f"{markdown_code(report.model)} with {report.parameters:,} parameters; {report.epochs} epochs trained, "
        f"the weights of epoch {report.best_epoch} kept ({shown}). "
        f"Batch {config.batch_size}, learning rate {config.learning_rate:g} ({config.schedule}), "
        f"dropout {config.dropout:g}, seed {config.seed}; all else is in `params.yaml`.",
    ]


def compression(steps: Sequence[Step]) -> list[str]:
    """Return what each technique did, what it left alone and whether its promises hold.

    Args:
        steps: of the recipe, as they were carried out.
    """
    lines = []
    for number, step in enumerate(steps, start=1):
        config = ", ".join(f"{key} {value}" for key, value in step.config.items() if key != "technique")
        kept = sum(promise.holds for promise in step.promises)
        lines.append(
            f"{number}. {step.technique}{f' ({markdown(config)})' if config else ''}. "
            f"Layers changed: {len(step.changed)}. Promises measured and kept: {kept} of {len(step.promises)}."
        )
        lines += [
            f"   - {markdown_code(skip.layer)} left as it was: {markdown(skip.sentence)}" for skip in step.skipped
        ]
    return lines


def metrics(chosen: ChosenCandidate) -> list[str]:
    """Return the released model beside the baseline, on the validation split.

    Args:
        chosen: the candidate and its records.
    """
    models = {BASELINE: chosen.baseline, chosen.gate.chosen: chosen.quality}
    splits = {name: quality.splits["validation"] for name, quality in models.items()}
    speeds = {name: chosen.benchmark.models[name] for name in models}
    costs = {name: quality.cost for name, quality in models.items() if quality.cost}
    measuring, things = measuring_of(chosen.dataset), find_workload(chosen.dataset.workload)
    extra_columns = [measuring.extra_columns(split.details) for split in splits.values()]
    rows: dict[str, Iterable[str]] = {
        f"{measuring.main.label} ({CONFIDENCE:.0%} interval)": (shown(split, measuring) for split in splits.values()),
        **{
            metric.label: [f"{split.metrics[metric.name]:.4f}" for split in splits.values()]
            for metric in measuring.metrics[1:]
        },
        **{same[0].title: [extra.shown for extra in same] for same in zip(*extra_columns, strict=True)},
        "bytes loaded": (f"{cost.loaded_bytes:,}" for cost in costs.values()),
        "bytes stored": (f"{cost.stored_bytes:,}" for cost in costs.values()),
        "bytes in zstd": (f"{cost.zstd_bytes:,}" for cost in costs.values()),
        "parameters": (f"{cost.parameters:,}" for cost in costs.values()),
        "of these not zero": (f"{cost.nonzero:,}" for cost in costs.values()),
        f"multiply-accumulates {one(things.thing)}": (f"{cost.macs:,}" for cost in costs.values()),
        "latency, median (µs)": (f"{speed.median_us:,.1f}" for speed in speeds.values()),
        "latency, 95th percentile (µs)": (f"{speed.p95_us:,.1f}" for speed in speeds.values()),
        f"latency to the baseline's ({CONFIDENCE:.0%} interval)": (
            interval(speed.latency_ratio) for speed in speeds.values()
        ),
    }
    return [
        *table(("", *map(markdown, models)), ((name, *values) for name, values in rows.items())),
        "",
        f"Quality on the {chosen.quality.splits['validation'].samples:,} {things.things} of the validation split, "
        f"on which the candidate was chosen; the test split stays sealed. Latency of one {things.thing} on "
        f"{chosen.benchmark.threads} thread, {markdown(chosen.benchmark.runtime)}, "
        f"{markdown(chosen.benchmark.cpu)}.",
    ]


def gate(chosen: ChosenCandidate) -> list[str]:
    """Return the verdict and its rules.

    Args:
        chosen: the candidate and its records.
    """
    decision = chosen.decision
    made = f"Decision {decision.number:,} of the ledger {markdown_code(decision.ledger)}." if decision else ""
    person = "The gate could not decide: a person has to approve this release." if chosen.inconclusive else ""
    return [
        markdown_sentence((decision or chosen.gate).sentence),
        "",
        " ".join(filter(None, (made, person, "On validation:"))),
        "",
        *bullets(markdown_sentence(rule.sentence) for rule in chosen.gate.rules),
    ]


def limits(chosen: ChosenCandidate) -> list[str]:
    """Return what the numbers do not say.

    Args:
        chosen: the candidate and its records.
    """
    seen = chosen.quality.splits["validation"]
    measuring, things = measuring_of(chosen.dataset), find_workload(chosen.dataset.workload).things
    margin = plain(measuring.main, chosen.gate.smallest_margin)
    return bullets(
        [
            f"All quality is measured on {things} of the source named above, and says nothing about others.",
            *measuring.describe_limits(seen.details, things),
            f"A test split of this size can prove a margin of {margin} at best; a smaller difference "
            f"would not be seen.",
            "Latency holds for the processor and the runtime named above.",
        ]
    )


def shown(split: SplitQuality, measuring: OutcomeMeasuring) -> str:
    """Return the first metric on the validation split with its interval.

    Args:
        split: what was measured on it.
        measuring: of the outcome.
    """
    main, seen = measuring.main, split.interval
    return f"{plain(main, split.metrics[main.name])} ({plain(main, seen.low)} to {plain(main, seen.high)})"


def plain(metric: Metric, value: float) -> str:
    """Return a figure as the card has it, a percentage without a space.

    Args:
        metric: that the figure is of.
        value: the figure.
    """
    return f"{value:.2%}" if metric.is_fraction else metric.shown(value)


def interval(ratio: Interval) -> str:
    """Return a ratio and its bounds.

    Args:
        ratio: with an interval.
    """
    return f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, numbers to the right.

    Args:
        head: names of the columns.
        rows: cells, as many as there are columns.
    """
    return [f"| {' | '.join(row)} |" for row in (head, ("---", *["---:"] * (len(head) - 1)), *rows)]


def bullets(items: Iterable[str]) -> list[str]:
    """Return the lines of a Markdown list.

    Args:
        items: one for each line.
    """
    return [f"- {item}" for item in items]
