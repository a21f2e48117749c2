"""The artifacts on a run's page: candidates, pictures, the verdict with each rule's numbers, classes, drift, report."""

import shlex
from urllib.parse import quote

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.line.keys import artifact_key
from flows.line.markdown import markdown_cells, markdown_picture, markdown_table, shown_rows
from tasks.deployment.records import Release
from tasks.drift.records import DRIFT, DriftReport
from tasks.evaluation.pictures import curves_svg, pareto_svg
from tasks.evaluation.records import BASELINE, REPORT
from tasks.evaluation.results import Results
from tasks.evaluation.tables import candidates_table, decision_table
from tasks.records import read_record
from tasks.text import markdown, markdown_code, markdown_sentence
from tasks.verdicts import RuleVerdict
from tasks.wording import capitalized
from tasks.workloads import exhibits_for
from tasks.workloads.measuring import Exhibit

SIGNS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔", "NO_BASELINE": "➖"}


def show_results(results: Results) -> None:
    """Put the results of a run on its page.

    Args:
        results: of the run.
    """
    create_table_artifact(
        table=shown_rows(candidates_table(results)), key="candidates", description="Every candidate beside the baseline"
    )
    _show("pareto", "Stored bytes against quality", pareto_markdown(results))
    _show("gate", "The gate's verdict", verdict_markdown(results))
    if results.history:
        _show("curves", "The training of the baseline", curves_markdown(results))
    for exhibit in outcome_exhibits(results):
        _show(artifact_key(exhibit.key), exhibit.title, exhibit_markdown(exhibit))
    if DRIFT.exists():
        _show("drift", "The data beside production's", drift_markdown(read_record(DRIFT, DriftReport)))
    create_link_artifact(
        link=REPORT.resolve().as_uri(), link_text=str(REPORT), key="report", description="The whole report, one file"
    )


def show_release(release: Release, store: str) -> None:
    """Put the release that a run came to on its page.

    Args:
        release: that the run came to.
        store: its URL.
    """
    _show("release", f"{release.model} {release.version}", release_markdown(release, store))


def outcome_exhibits(results: Results) -> tuple[Exhibit, ...]:
    """Return what the outcome shows of the chosen candidate beside the baseline.

    Args:
        results: of the run.
    """
    make = exhibits_for(results.dataset.workload)
    if make is None or results.gate is None:
        return ()
    chosen = results.gate.chosen
    before, after = (results.qualities[name].splits["validation"].details for name in (BASELINE, chosen))
    return tuple(make(chosen, before, after))


def exhibit_markdown(exhibit: Exhibit) -> str:
    """Return a picture and a table of an outcome's own.

    Args:
        exhibit: of the outcome.
    """
    parts = [markdown(exhibit.title)]
    if exhibit.picture:
        parts.append(markdown_picture(exhibit.title, exhibit.picture))
    if exhibit.rows:
        parts.append(markdown_cells(exhibit.head, exhibit.rows))
    return "\n\n".join(parts) + "\n"


def release_markdown(release: Release, store: str) -> str:
    """Return what a release is, where it lies and how a device gets it.

    Args:
        release: that the run came to.
        store: its URL.
    """
    place = f"{store.rstrip('/')}/models/{release.model}/releases/{release.version}"
    rows = {
        "Recipe": release.recipe,
        "Channels": ", ".join(release.channels) or "none",
        "Bytes as stored": f"{release.stored_bytes:,}",
        "Bytes as loaded": f"{release.loaded_bytes:,}",
        **{f"{capitalized(name)} on validation": f"{value:.4f}" for name, value in release.metrics.items()},
        "Created": release.created,
        "SHA-256 of the manifest": release.manifest_sha256,
        **({"The gate could not decide": release.inconclusive} if release.inconclusive else {}),
    }
    table = markdown_cells(("", f"{release.model} {release.version}"), rows.items())
    channel = f" --channel {release.channels[0]}" if release.channels else ""
    fetch = f"slimline fetch {release.model} --store {shlex.quote(store)}{channel} --to device/"
    link = f"[its folder]({quote(place, safe=':/')})"  # pages show the words of a link as they stand, escapes included
    return f"{table}\n\nIt lies in {markdown_code(place)}, {link}. A device gets it by {markdown_code(fetch)}.\n"


def drift_markdown(report: DriftReport) -> str:
    """Return what has shifted in the data, and by how much.

    Args:
        report: of the data beside production's.
    """
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
    return f"{markdown_sentence(report.sentence)}{table}\n"


def pareto_markdown(results: Results) -> str:
    """Return the picture of bytes against quality.

    Args:
        results: of the run.
    """
    return markdown_picture("Stored bytes against quality, latency as colour", pareto_svg(results))


def curves_markdown(results: Results) -> str:
    """Return the picture of the baseline's training.

    Args:
        results: of the run.
    """
    training = results.training
    sentence = f"{training.epochs:,} epochs in {training.seconds:,.0f} seconds; epoch {training.best_epoch:,} was kept."
    return f"{markdown(sentence)}\n\n{markdown_picture('Loss and quality over the epochs', curves_svg(results))}\n"


def verdict_markdown(results: Results) -> str:
    """Return the decision if there is one, each rule with its numbers, and why this candidate was chosen.

    Args:
        results: of the run.
    """
    gate = results.gate
    if gate is None:
        return "The gate has not chosen yet."
    rules = "\n".join(f"- {SIGNS[rule.outcome]} {markdown_sentence(rule.sentence)}" for rule in gate.rules)
    choices = "\n".join(
        f"{choice.rank}. **{markdown(choice.candidate)}** — {markdown_sentence(choice.sentence)}"
        for choice in gate.choices
    )
    decision = results.decision
    head = (
        f"## {SIGNS[decision.outcome]} {decision.outcome}\n\n{markdown_sentence(decision.sentence)}\n\n"
        f"### The decision\n{markdown_table(decision_table(decision))}\n\n"
        if decision
        else f"## Provisional: {SIGNS[gate.outcome]} {gate.outcome} on validation\n\n"
    )
    numbers = f"{rule_numbers(gate.rules)}\n\n" if gate.rules else ""
    return (
        f"{head}{markdown_sentence(gate.sentence)}\n\n### Rules, on the validation split\n{numbers}{rules}\n\n"
        f"### The choice, on the validation split\n{choices}\n"
    )


def rule_numbers(rules: tuple[RuleVerdict, ...]) -> str:
    """Return each rule's measure, interval and limit, in the units of params.yaml.

    Args:
        rules: with their verdicts.
    """
    head = ("Rule", "Against", "Outcome", "Measured", "Interval", "Limit")
    return markdown_cells(head, map(_numbers, rules))


def _numbers(rule: RuleVerdict) -> tuple[str, ...]:
    bounds = "" if rule.low is None or rule.high is None else f"{rule.low:.4g} … {rule.high:.4g}"
    return (
        rule.metric.replace("_", " "),
        rule.versus or "a limit",
        rule.outcome.replace("_", " "),
        "" if rule.value is None else f"{rule.value:.4g}",
        bounds,
        f"at {'most' if rule.at_most else 'least'} {rule.limit:.4g}",
    )


def _show(key: str, title: str, text: str) -> None:
    create_markdown_artifact(markdown=text, key=key, description=markdown(title))
