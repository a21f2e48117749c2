"""The results as rows of words, for the report, the terminal and the operator's page alike."""

from collections.abc import Mapping
from typing import Any

from tasks.compression.records import Step
from tasks.evaluation.controls import control_of
from tasks.evaluation.records import BASELINE, PRODUCTION, Decision, Ineligible
from tasks.evaluation.results import Results
from tasks.evaluation.rules import difference
from tasks.samples import SPLITS
from tasks.wording import (
    capitalized,
    confidence,
    decibels,
    invert,
    number,
    one,
    percent,
    times,
    times_interval,
)
from tasks.workloads import find_workload

Row = dict[str, str]
INELIGIBLE: Ineligible = "INELIGIBLE"


def candidates_table(results: Results) -> list[Row]:
    """Return a row for the baseline, one for production if it can be compared, and one for each candidate by rank.

    Recipes that could not be carried out come last, with nothing measured.

    Args:
        results: of the stages.
    """
    ranks = {choice.candidate: choice for choice in results.gate.choices} if results.gate else {}
    recipes = sorted(results.candidates, key=lambda name: ranks[name].rank if name in ranks else 0)
    names = [name for name in (BASELINE, PRODUCTION, *recipes) if results.why_absent(name) is None]
    rows, main = [], results.measuring.main
    for name in names:
        quality, cost, speed = results.qualities[name].splits["validation"], results.cost(name), results.speed(name)
        row = {
            "Candidate": name,
            capitalized(main.noun): main.shown(quality.metrics[main.name]),
            "Difference": "",
            "To its control": "",
            "Beside its float form": beside_float(results, name),
            **{extra.column: extra.shown for extra in results.measuring.extra_columns(quality.details)},
            "Loaded": f"{cost.loaded_bytes:,}",
            "Stored": f"{cost.stored_bytes:,}",
            "In zstd": f"{cost.zstd_bytes:,}",
            "Smaller": "",
            "Latency": f"{number(speed.median_us, 1)} µs",
            "Speed": "",
            "Samples/s": f"{speed.samples_per_second:,.0f}",
            "Non-zero": percent(cost.nonzero / cost.parameters, 0) if cost.parameters else "",
            "Gate": ranks[name].outcome if name in ranks else "",
        }
        if name != BASELINE:
            seen, faster = difference(main.name, (name, BASELINE), "validation", results), invert(speed.latency_ratio)
            row["Difference"] = f"{main.shown_difference(seen.value)} ({main.shown_bounds(seen)})"
            if control := control_of(name, results):
                beside = difference(main.name, (name, control), "validation", results)
                row["To its control"] = (
                    f"{main.shown_difference(beside.value)} ({main.shown_bounds(beside)}), {control}"
                )
            row["Smaller"] = times(results.cost(BASELINE).stored_bytes / cost.stored_bytes)
            row["Speed"] = f"{times(faster.value)} ({times_interval(faster)})"
        rows.append(row)
    # the baseline is there always, so the columns are
    return rows + [dict.fromkeys(rows[0], "") | {"Candidate": name, "Gate": INELIGIBLE} for name in results.not_made]


def beside_float(results: Results, name: str) -> str:
    """Return how near a file's outputs are to the network's: signal to noise, and the share of same answers.

    Args:
        results: of the stages.
        name: ``baseline`` or a recipe's name.
    """
    candidate = results.candidates.get(name)
    found = results.training.conversion if name == BASELINE else candidate.comparison if candidate else None
    if found is None:
        return ""
    same = "" if found.agreement is None else f", {percent(found.agreement)}"
    return f"{found.signal_to_noise_db:.1f} dB{same}"


def rules_table(results: Results) -> list[Row]:
    """Return the rules of the gate and how the chosen candidate fares on the validation split.

    Args:
        results: of the stages.
    """
    return [
        {
            "Rule": rule.metric.replace("_", " "),
            "Against": rule.versus or "a limit",
            "Outcome": rule.outcome.replace("_", " "),
            "Why": rule.sentence,
        }
        for rule in (results.gate.rules if results.gate else ())
    ]


def quality_table(results: Results, chosen: str) -> list[Row]:
    """Return the quality of the baseline and the chosen candidate on the validation split.

    Args:
        results: of the stages.
        chosen: the candidate's name.
    """
    before, after = (results.qualities[name].splits["validation"] for name in (BASELINE, chosen))
    rows = []
    for metric in results.measuring.metrics:
        seen = difference(metric.name, (chosen, BASELINE), "validation", results)
        rows.append(
            {
                "Metric": metric.label,
                BASELINE: metric.shown(before.metrics[metric.name]),
                chosen: metric.shown(after.metrics[metric.name]),
                "Difference": metric.shown_difference(seen.value),
                "95 % interval": metric.shown_bounds(seen),
            }
        )
    return rows


def decision_table(decision: Decision) -> list[Row]:
    """Return what a decision cost and what is left.

    Args:
        decision: about the chosen candidate.
    """
    outlook = decision.outlook
    left = "none" if outlook.confidence >= 1 else f"at {confidence(outlook.confidence)}"
    rows = {
        "Outcome": decision.outcome,
        "Sealed samples": f"{decision.samples:,}",
        "Decision on them": f"{decision.turn:,}",
        "Confidence of its intervals": confidence(decision.confidence),
        "Probability of a false PASS": f"at most {percent(decision.level, 4)}",
        "The same, of all decisions on these samples": f"at most {percent(decision.error)}",
        "Next decision": left,
        "As strong as a first one on": f"{outlook.worth:,} samples",
        "Decisions left that can prove the margin": "" if outlook.provable is None else f"{outlook.provable:,}",
        "New test samples that restore the budget": f"{outlook.restore:,}",
        "In the ledger": f"{decision.ledger}, number {decision.number:,}",
    }
    return [{"Decision": name, "": value} for name, value in rows.items() if value]


def cost_table(results: Results, chosen: str) -> list[Row]:
    """Return what the baseline and the chosen candidate cost.

    Args:
        results: of the stages.
        chosen: the candidate's name.
    """
    costs = {name: results.cost(name) for name in (BASELINE, chosen)}
    words = {
        "loaded_bytes": "bytes as loaded",
        "stored_bytes": "bytes as stored",
        "zstd_bytes": "bytes in zstd",
        "parameters": "parameters",
        "nonzero": "non-zero parameters",
        "macs": f"multiply-accumulates {one(find_workload(results.dataset.workload).thing)}",
    }
    return [
        {"Cost": word} | {name: f"{getattr(cost, key):,}" for name, cost in costs.items()}
        for key, word in words.items()
    ]


def splits_table(results: Results) -> list[Row]:
    """Return the number of samples of each class in each split.

    Args:
        results: of the stages.
    """
    parts = results.dataset.splits
    rows = [
        {"Class": name} | {split: f"{parts[split].per_class.get(name, 0):,}" for split in SPLITS}
        for name in results.dataset.classes
    ]
    return [*rows, {"Class": "all"} | {split: f"{parts[split].samples:,}" for split in SPLITS}]


def skips_table(step: Step) -> list[Row]:
    """Return the layers that a technique left alone.

    Args:
        step: of a recipe.
    """
    return [{"Layer": skip.layer, "Left alone because": skip.sentence} for skip in step.skipped]


def layers_table(step: Step) -> list[Row]:
    """Return the type, size and content of each layer after a step.

    Args:
        step: of a recipe.
    """
    return [
        {
            "Layer": layer.layer,
            "Type": layer.dtype,
            "Shape": " × ".join(map(str, layer.shape)),
            "Bytes": f"{layer.bytes:,}",
            "Zeros": percent(layer.zeros),
            "Distinct values": f"{layer.distinct:,}",
            "Rank": "" if layer.rank is None else f"{layer.rank:,}",
            "Signal to noise": decibels(layer.distortion),
        }
        for layer in step.layers
    ]


def details_table(step: Step) -> list[Row]:
    """Return what the technique measured and chose on the way, but for what is a table of its own.

    Args:
        step: of a recipe.
    """
    return [
        {"Measured or chosen": name.replace("_", " "), "What": _words(value)}
        for name, value in step.details.items()
        if not _is_table(value)
    ]


def tables_within(step: Step) -> dict[str, list[Row]]:
    """Return what it measured of one thing after the other, by what that was.

    Args:
        step: of a recipe.
    """
    found = {name: value for name, value in step.details.items() if _is_table(value)}
    if step.trials:
        found["networks that were timed"] = [trial.model_dump() for trial in step.trials]
    return {
        name: [{key.replace("_", " ").capitalize(): _value(of) for key, of in row.items()} for row in rows]
        for name, rows in found.items()
    }


def promises_table(step: Step) -> list[Row]:
    """Return what was promised and what was measured after a step.

    Args:
        step: of a recipe.
    """
    return [
        {
            "Layer": promise.layer,
            "Promise": promise.promise,
            "Promised": _value(promise.promised),
            "Measured": _value(promise.measured),
            "Holds": "yes" if promise.holds else "NO",
        }
        for promise in step.promises
    ]


def describe_step(step: Step) -> str:
    """Return a technique with the settings that a person gave it.

    Args:
        step: of a recipe.
    """
    return f"{step.technique}: {describe_config(step.config)}" if step.config else step.technique


def describe_config(config: Mapping[str, Any]) -> str:
    """Return settings as words.

    Args:
        config: of a technique.
    """
    return ", ".join(f"{key} {_value(value)}" for key, value in config.items() if key != "technique")


def _is_table(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(of)}" for key, of in value.items())
    if isinstance(value, list | tuple):
        return " … ".join(map(_words, value))
    return _value(value)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
