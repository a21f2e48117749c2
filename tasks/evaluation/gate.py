"""The gate: chooses a candidate on the validation split and says how it fares there, provisionally.

The convention is that of ICH E9 for non-inferiority: a rule about quality passes when the lower bound of the
two-sided interval of (candidate − other) lies above −margin, fails when the upper bound lies below, and is
inconclusive otherwise. An inconclusive candidate is not released: absence of proof is not proof.

The proof itself is a decision on the sealed test split, which costs a share of the error that all decisions there may
make together. It is no stage: a stage that was restored would not enter it in the ledger. See :mod:`tasks.spending` and
:mod:`tasks.evaluation.decision`.
"""

from dataclasses import dataclass, replace

from tasks.config import Params, QualityRule
from tasks.evaluation.decision import first_margin, smallest_margin
from tasks.evaluation.eligibility import broken_but_reported, contenders, ineligible_choices
from tasks.evaluation.records import BASELINE, GATE, PROVISIONAL, Choice, GateReport, Judgement, RuleVerdict
from tasks.evaluation.report import render
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.rules import difference, judge_candidate, judge_rules, overall
from tasks.files import write_text
from tasks.gate_settings import OBJECTIVES
from tasks.records import write_record
from tasks.wording import number, one, times
from tasks.workloads import find_workload


@dataclass(frozen=True)
class Contender:
    """A candidate and how it fares on the validation split."""

    name: str
    verdicts: tuple[RuleVerdict, ...]

    @property
    def judgement(self) -> Judgement:
        """Return the verdict on all rules together."""
        return overall(self.verdicts)

    @property
    def tier(self) -> int:
        """0 passes, 1 has estimates within the margins but is not proven, 2 is the rest."""
        if self.judgement == "PASS":
            return 0
        return 1 if all(verdict.is_within for verdict in self.verdicts) else 2


def gate(params: Params) -> None:
    """Choose, and write the provisional verdict and report.

    Args:
        params: all of params.yaml.

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
    """Choose a candidate on the validation split.

    Args:
        results: of the stages before.

    Returns:
        the verdict, provisional since no sealed sample was asked.
    """
    objective = results.params.gate.objective
    ranked = rank(results)
    chosen = ranked[0].name
    best = Contender(chosen, judge_rules(chosen, "validation", results))
    margin = decidable_margin(chosen, results)
    unprovable = too_few_samples(chosen, margin, results)
    return GateReport(
        objective=objective,
        chosen=chosen,
        model_sha256=results.candidates[chosen].sha256,
        settled=results.qualities[chosen].settled,
        choices=(
            *(
                Choice(
                    candidate=contender.name,
                    rank=rank,
                    objective=objective_value(objective, contender.name, results),
                    outcome=contender.judgement,
                    sentence=explain_choice(contender, rank, ranked, results),
                )
                for rank, contender in enumerate(ranked, start=1)
            ),
            *ineligible_choices(results, len(ranked)),
        ),
        rules=best.verdicts,
        smallest_margin=margin,
        promising=best.tier < 2 and not unprovable,
        outcome=best.judgement,
        sentence=conclude(best, margin, unprovable, results),
    )


def rank(results: Results) -> list[Contender]:
    """Return all candidates, the best first.

    Those that pass on the validation split come first, then those within the margins but not proven, then the
    rest; among equals the objective decides, then the other objectives, then the name. Controls, which are there to
    be compared with, are no contenders unless there is nothing else.

    Args:
        results: of the stages.
    """
    wanted = results.params.gate.objective
    order = dict.fromkeys((wanted, *OBJECTIVES, results.measuring.main.name))
    found = [Contender(name, judge_candidate(name, "validation", results)) for name in contenders(results)]

    def key(contender: Contender) -> tuple[int, list[float], str]:
        values = [price(objective, contender.name, results) for objective in order]
        return contender.tier, values, contender.name

    return sorted(found, key=key)


def price(objective: str, name: str, results: Results) -> float:
    """Return the objective's value in the direction in which less is better.

    Args:
        objective: ``bytes``, ``latency`` or the name of a metric.
        name: of the candidate.
        results: of the stages.
    """
    value = objective_value(objective, name, results)
    return value if objective in OBJECTIVES else -results.measuring.metric(objective).sign * value


def objective_value(objective: str, name: str, results: Results) -> float:
    """Return stored bytes, median latency in µs, or a metric on the validation split.

    Args:
        objective: ``bytes``, ``latency`` or the name of a metric.
        name: of the candidate.
        results: of the stages.
    """
    match objective:
        case "bytes":
            return results.cost(name).stored_bytes
        case "latency":
            return results.speed(name).median_us
        case metric:
            return results.qualities[name].splits["validation"].metrics[metric]


def explain_choice(contender: Contender, rank: int, ranked: list[Contender], results: Results) -> str:
    """Return why a candidate has its rank.

    Args:
        contender: the candidate and its verdicts.
        rank: its rank, from 1.
        ranked: all candidates, the best first.
        results: of the stages.
    """
    objective = results.params.gate.objective
    value = objective_value(objective, contender.name, results)
    own, superlative = described(objective, value, results)
    peers = [other for other in ranked if other.tier == contender.tier]
    how = (
        "passes on validation",
        "is within the margins on validation but not proven",
        "does not keep every limit on validation",
    )
    text = f"{contender.name} {how[contender.tier]}, with {own}."
    if rank == 1:
        text = (
            f"{contender.name} is chosen: it {how[contender.tier]} and is the {superlative} of "
            f"{len(peers)} such, with {own}."
        )
    against = [verdict.sentence for verdict in contender.verdicts if verdict.outcome in {"FAIL", "INCONCLUSIVE"}]
    return " ".join([text, *against, *broken_but_reported(contender.name, results)])


def described(objective: str, value: float, results: Results) -> tuple[str, str]:
    """Return what a candidate has of the objective, and what the best one is called.

    Args:
        objective: ``bytes``, ``latency`` or the name of a metric.
        value: of the candidate.
        results: of the stages.
    """
    match objective:
        case "bytes":
            return f"{value:,.0f} bytes stored", "smallest"
        case "latency":
            return f"{number(value, 1)} µs {one(find_workload(results.dataset.workload).thing)}", "fastest"
        case name:
            metric = results.measuring.metric(name)
            return f"{metric.brief(value)} on validation", metric.best


def decidable_margin(name: str, results: Results) -> float:
    """Return the smallest margin of the first metric that a first decision can prove for an equal of the baseline.

    The answers on the test split are taken to differ as they do on validation: nobody has looked at them yet.

    Args:
        name: of the candidate.
        results: of the stages.
    """
    return smallest_margin(results, name, results.dataset.splits["test"].samples, main_confidence(results))


def too_few_samples(name: str, smallest: float, results: Results) -> str:
    """Return why no decision is worth its price; empty where one is.

    A decision in which the candidate cannot pass, were it as much better than the baseline as it is on validation,
    would only make the next ones harder.

    Args:
        name: the candidate.
        smallest: margin that the test split can prove, see :func:`decidable_margin`.
        results: of the stages.
    """
    main, wanted = results.measuring.main, first_margin(results)
    gain = main.sign * difference(main.name, (name, BASELINE), "validation", results).value
    if wanted is None or smallest - max(0.0, gain) <= wanted:
        return ""
    return (
        f"No decision is spent on that: {results.dataset.splits['test'].samples:,} test samples cannot prove the "
        f"margin of {main.margin(wanted)} that gate.rules ask for. Add samples, or allow a larger margin."
    )


def main_confidence(results: Results) -> float:
    """Return the confidence that the first rule about the first metric asks for.

    Args:
        results: of the stages.
    """
    rules = [rule for rule in results.params.gate.rules if isinstance(rule, QualityRule)]
    return next((rule.confidence for rule in rules if rule.metric == results.measuring.main.name), 0.95)


def conclude(chosen: Contender, margin: float, unprovable: str, results: Results) -> str:
    """Return the provisional verdict as an operator reads it.

    Args:
        chosen: the candidate.
        margin: the smallest that the test split can prove at first.
        unprovable: why no decision is taken, if it would be in vain.
        results: of the stages.
    """
    name, judgement = chosen.name, chosen.judgement
    main = results.measuring.main
    seen = difference(main.name, (name, BASELINE), "validation", results, main_confidence(results))
    quality = results.qualities[name].splits["validation"]
    cost = results.cost(name)
    smaller = results.cost(BASELINE).stored_bytes / cost.stored_bytes
    faster = 1 / results.speed(name).latency_ratio.value
    beyond = (
        "does not keep every rule on validation and must not be released"
        if judgement == "FAIL"
        else "does not keep every limit on validation, which does not prove that a rule is broken"
    )
    what = {
        0: f"{name} keeps every rule on validation",
        1: f"{name} is within every limit on validation, which cannot prove every rule",
        2: f"{name} {beyond}",
    }[chosen.tier]
    reasons = [verdict.sentence for verdict in chosen.verdicts if verdict.outcome == judgement != "PASS"]
    absent = dict.fromkeys(verdict.sentence for verdict in chosen.verdicts if verdict.outcome == "NO_BASELINE")
    decided = unprovable or "Whether it is released, the sealed test samples decide."
    open_question = [decided] if chosen.tier < 2 else []
    return " ".join(
        [
            f"{judgement}, provisionally: {what}.",
            *reasons,
            f"On {quality.samples:,} validation samples {main.clause(quality.metrics[main.name])}, "
            f"{main.apart(seen.value)} from the baseline ({main.shown_bounds(seen)}); it is stored in "
            f"{cost.stored_bytes:,} bytes, {times(smaller)} smaller, loaded as {cost.loaded_bytes:,} bytes, and runs "
            f"{times(faster)} as fast.",
            *absent,
            f"The smallest margin of {main.noun} that the test split can prove at first is {main.margin(margin)}.",
            *open_question,
        ]
    )
