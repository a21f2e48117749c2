"""The gate: chooses a candidate on the validation split and says how it fares there, provisionally.

The convention is that of ICH E9 for non-inferiority: a rule about quality passes when the lower bound of the
two-sided interval of (candidate − other) lies above −margin, fails when the upper bound lies below, and is
inconclusive otherwise. An inconclusive candidate is not released: absence of proof is not proof.

The proof itself is a decision on the sealed test split, which costs a share of the error that all decisions there may
make together. It is no stage: a stage that was restored would not enter it in the ledger. See :mod:`tasks.spending` and
:mod:`tasks.evaluation.decision`.
"""

from dataclasses import dataclass, replace
from typing import Literal

from tasks.config import Params, QualityRule
from tasks.evaluation.decision import discordance
from tasks.evaluation.eligibility import broken_but_reported, contenders, ineligible_choices
from tasks.evaluation.records import BASELINE, GATE, PROVISIONAL, Choice, GateReport, Outcome, RuleVerdict
from tasks.evaluation.report import render
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.rules import difference, is_within, judge_candidate, judge_rules, overall
from tasks.evaluation.wording import number, percent, points, points_interval, times
from tasks.files import write_text
from tasks.records import write_record
from tasks.statistics import smallest_margin

Objective = Literal["bytes", "latency", "accuracy"]
OBJECTIVES: tuple[Objective, ...] = ("bytes", "latency", "accuracy")  # also the order in which ties are broken


@dataclass(frozen=True)
class Contender:
    """A candidate and how it fares on the validation split."""

    name: str
    verdicts: tuple[RuleVerdict, ...]

    @property
    def outcome(self) -> Outcome:
        """Of all rules together."""
        return overall(self.verdicts)

    @property
    def tier(self) -> int:
        """0 passes, 1 has estimates within the margins but is not proven, 2 is the rest."""
        if self.outcome == "PASS":
            return 0
        return 1 if all(map(is_within, self.verdicts)) else 2


def gate(params: Params) -> None:
    """Choose, and write the provisional verdict and report.

    Raises:
        DataError: a record is missing.
        EvaluationError: records speak of other files or samples.
    """
    results = replace(load_results(params), gate=None, decision=None)
    verdict = choose(results)
    write_record(GATE, verdict)
    write_text(PROVISIONAL, render(replace(results, gate=verdict)))
    print(verdict.sentence)


def choose(results: Results) -> GateReport:
    """Choose on the validation split."""
    objective = results.params.gate.objective
    ranked = rank(results)
    chosen = ranked[0].name
    best = Contender(chosen, judge_rules(chosen, "validation", results))
    margin = decidable_margin(chosen, results)
    return GateReport(
        objective=objective,
        chosen=chosen,
        model_sha256=results.candidates[chosen].sha256,
        choices=(
            *(
                Choice(
                    candidate=contender.name,
                    rank=place,
                    objective=objective_value(objective, contender.name, results),
                    outcome=contender.outcome,
                    sentence=explain_choice(contender, place, ranked, results),
                )
                for place, contender in enumerate(ranked, start=1)
            ),
            *ineligible_choices(results, len(ranked)),
        ),
        rules=best.verdicts,
        smallest_margin=margin,
        promising=best.tier < 2,
        outcome=best.outcome,
        sentence=conclude(best, margin, results),
    )


def rank(results: Results) -> list[Contender]:
    """All candidates, the best first.

    Those that pass on the validation split come first, then those within the margins but not proven, then the
    rest; among equals the objective decides, then the other objectives, then the name. Controls, which are there to
    be compared with, are no contenders unless there is nothing else.
    """
    wanted = results.params.gate.objective
    order = (wanted, *(other for other in OBJECTIVES if other != wanted))
    found = [Contender(name, judge_candidate(name, "validation", results)) for name in contenders(results)]

    def key(contender: Contender) -> tuple[int, list[float], str]:
        values = [objective_value(objective, contender.name, results) for objective in order]
        signs = [-1 if objective == "accuracy" else 1 for objective in order]
        return contender.tier, [s * v for s, v in zip(signs, values, strict=True)], contender.name

    return sorted(found, key=key)


def objective_value(objective: Objective, name: str, results: Results) -> float:
    """Stored bytes, median latency in µs, or accuracy on the validation split."""
    match objective:
        case "bytes":
            return results.cost(name).stored_bytes
        case "latency":
            return results.speed(name).median_us
        case "accuracy":
            return results.qualities[name].splits["validation"].accuracy


def explain_choice(contender: Contender, place: int, ranked: list[Contender], results: Results) -> str:
    """Why a candidate has its rank."""
    objective = results.params.gate.objective
    value = objective_value(objective, contender.name, results)
    own = {
        "bytes": f"{value:,.0f} bytes stored",
        "latency": f"{number(value, 1)} µs an image",
        "accuracy": f"{percent(value)} right on validation",
    }[objective]
    peers = [other for other in ranked if other.tier == contender.tier]
    superlative = {"bytes": "smallest", "latency": "fastest", "accuracy": "most accurate"}[objective]
    how = (
        "passes on validation",
        "is within the margins on validation but not proven",
        "does not keep every limit on validation",
    )
    text = f"{contender.name} {how[contender.tier]}, with {own}."
    if place == 1:
        text = (
            f"{contender.name} is chosen: it {how[contender.tier]} and is the {superlative} of "
            f"{len(peers)} such, with {own}."
        )
    against = [verdict.sentence for verdict in contender.verdicts if verdict.outcome in {"FAIL", "INCONCLUSIVE"}]
    return " ".join([text, *against, *broken_but_reported(contender.name, results)])


def decidable_margin(name: str, results: Results) -> float:
    """The smallest margin of accuracy that a first decision can prove for a candidate as good as the baseline.

    The answers on the test split are taken to differ as they do on validation: nobody has looked at them yet.
    """
    samples = results.dataset.splits["test"].samples
    return smallest_margin(samples, discordance(results, name) * samples, accuracy_confidence(results.params))


def accuracy_confidence(params: Params) -> float:
    """The confidence that the first rule about accuracy asks for."""
    rules = [rule for rule in params.gate.rules if isinstance(rule, QualityRule)]
    return next((rule.confidence for rule in rules if rule.metric == "accuracy"), 0.95)


def conclude(chosen: Contender, margin: float, results: Results) -> str:
    """The provisional verdict as an operator reads it."""
    name, outcome = chosen.name, chosen.outcome
    seen = difference("accuracy", (name, BASELINE), "validation", results, accuracy_confidence(results.params))
    quality = results.qualities[name].splits["validation"]
    cost = results.cost(name)
    smaller = results.cost(BASELINE).stored_bytes / cost.stored_bytes
    faster = 1 / results.speed(name).latency_ratio.value
    what = {
        0: f"{name} keeps every rule on validation",
        1: f"{name} is within every limit on validation, which cannot prove every rule",
        2: f"{name} does not keep every rule on validation and must not be released",
    }[chosen.tier]
    reasons = [verdict.sentence for verdict in chosen.verdicts if verdict.outcome == outcome != "PASS"]
    absent = dict.fromkeys(verdict.sentence for verdict in chosen.verdicts if verdict.outcome == "NO_BASELINE")
    open_question = ["Whether it is released, the sealed test samples decide."] if chosen.tier < 2 else []
    return " ".join(
        [
            f"{outcome}, provisionally: {what}.",
            *reasons,
            f"On {quality.samples:,} validation samples it is right for {percent(quality.accuracy)}, "
            f"{points(seen.value)} points from the baseline ({points_interval(seen)}); it is stored in "
            f"{cost.stored_bytes:,} bytes, {times(smaller)} smaller, loaded as {cost.loaded_bytes:,} bytes, and runs "
            f"{times(faster)} as fast.",
            *absent,
            f"The smallest margin of accuracy that the test split can prove at first is {number(100 * margin)} points.",
            *open_question,
        ]
    )
