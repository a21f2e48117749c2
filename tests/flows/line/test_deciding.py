"""The decision, with real models and samples: on record before an answer is read, paid once, and one bit of news."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.line import deciding
from flows.line.deciding import settle
from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.decisions.ledger import ledger_key, read
from tasks.deployment.registry import read_manifest
from tasks.deployment.releases.promotion import registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import EvaluationError, LedgerError, ReleaseError
from tasks.evaluation import decision
from tasks.evaluation.records import DECISION, GATE, Decision, GateReport
from tasks.evaluation.results import load_results
from tasks.records import read_record, write_record
from tasks.samples import PREPARED, VALIDATION_HASHES
from tests.flows.shades import shades_params, write_shades
from tests.tasks.deployment.killing import die, killed


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return shades_params(f"file://{tmp_path / 'store'}")


def settled(params: Params) -> Decision:
    return settle(params, registry_of(params.deployment))


def lines(params: Params) -> list[str]:
    return [line.kind for line in read(open_store(params.deployment.store), "shades").ledger.lines]


def test_a_candidate_as_good_as_the_baseline_passes_and_the_manifest_names_the_decision(params: Params) -> None:
    write_shades(params)
    made = settled(params)
    assert (made.outcome, made.number, made.turn, made.samples, made.level) == ("PASS", 1, 1, 400, 0.025)
    assert made.sentence.startswith("PASS: float32 may be released. First decision on 400 sealed test samples, at 95 %")
    for part in (
        "as strong as a first one on 355 samples",
        "can prove a margin of 5.00 points",
        "400 test samples that",
    ):
        assert part in made.sentence
    release = publish(params)
    manifest = read_manifest(open_store(params.deployment.store), "shades", release.version, ANYBODY).manifest
    assert manifest.decision
    assert (manifest.decision.ledger, manifest.decision.number, manifest.decision.sha256, manifest.decision.level) == (
        "ledgers/shades",
        1,
        made.sha256,
        0.025,
    )


def test_the_samples_on_which_it_was_chosen_are_named_beside_the_ledger(params: Params) -> None:
    write_shades(params)
    (PREPARED / VALIDATION_HASHES).write_bytes(np.arange(1000, 1400, dtype="<u8").tobytes())
    settled(params)
    assert lines(params) == ["barred", "opened", "reserved", "ended"]


def test_a_candidate_that_only_the_sealed_samples_find_out_does_not_pass_and_nothing_says_by_how_much(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shades(params, bias=2.5, dim=40)
    gate = read_record(GATE, GateReport)
    assert (gate.outcome, gate.promising) == ("PASS", True)
    assert settled(params).outcome == "INCONCLUSIVE"
    with pytest.raises(ReleaseError, match="Received: INCONCLUSIVE"):
        publish(params)
    write_shades(params, bias=2.5, dim=60)  # other samples, on which it is worse
    other = settled(params)
    said = [json.loads(path.read_text()) for path in Path("reports").rglob("*.json")]
    assert not any(figure in json.dumps(said) for figure in ("0.9,", "0.85,", "90.00", "85.00"))
    assert "90.00" not in capsys.readouterr().out
    assert (other.outcome, other.turn) == ("INCONCLUSIVE", 2)
    assert other.level == pytest.approx(0.05 / 90)


def test_a_person_may_release_what_was_not_proven_and_never_what_failed(params: Params) -> None:
    """Only the sealed samples know: a few dim images prove nothing, many prove that it is worse."""
    asked = params.model_copy(
        update={"deployment": params.deployment.model_copy(update={"approval": "when_inconclusive"})}
    )
    write_shades(asked, bias=2.5, dim=40)
    failed = settled(asked)
    assert failed.outcome == "FAIL"
    assert "is not released, since a rule about quality is proven to be broken" in failed.sentence
    with pytest.raises(ReleaseError, match="Received: FAIL"):
        publish(asked)
    assert settled(params) == failed  # the other question has its answer in this one
    write_shades(asked, bias=2.5, dim=18, tests=800)  # twice as many, half of which no decision has seen
    made = settled(asked)
    assert made.outcome == "INCONCLUSIVE"
    assert "is not released by itself, since not every rule about quality is proven" in made.sentence
    with pytest.raises(ReleaseError, match="Received: INCONCLUSIVE"):
        publish(params)
    release = publish(asked)
    assert release.channels == ("staging",)
    assert release.inconclusive == made.sentence


def test_a_decision_that_was_taken_is_taken_over_without_an_answer_being_read(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shades(params, bias=2.5)
    first = settled(params)
    assert first.outcome == "INCONCLUSIVE"
    monkeypatch.setattr(decision, "decide", lambda *_: pytest.fail("it was decided before"))
    assert settled(params) == first
    DECISION.unlink()  # as on another machine, or in a clone
    assert settled(params) == first
    assert lines(params) == ["opened", "reserved", "ended"]


def test_a_pass_of_somebody_else_is_taken_over_once_it_passes_here_and_costs_nothing(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shades(params)
    first = settled(params)
    DECISION.unlink()
    assert settled(params) == first
    assert lines(params) == ["opened", "reserved", "ended"]
    monkeypatch.setattr(decision, "decide", lambda *_: pytest.fail("it was decided here"))
    assert settled(params) == first


def test_a_pass_that_was_forged_in_the_ledger_releases_nothing(params: Params) -> None:
    write_shades(params, bias=2.5)
    assert settled(params).outcome == "INCONCLUSIVE"
    store = open_store(params.deployment.store)
    forged = store.get(ledger_key("shades")).content.replace(b'"INCONCLUSIVE"', b'"PASS"')
    store.delete(ledger_key("shades"))
    store.put_if_absent(ledger_key("shades"), forged)
    with pytest.raises(LedgerError, match=r"reports/decision\.json names"):  # who took it here knows
        settled(params)
    DECISION.unlink()
    with pytest.raises(LedgerError, match="which is PASS there, to pass here as well: float32"):
        settled(params)
    assert not DECISION.exists()


def die_when_asked(params: Params) -> None:
    vars(decision)["decide"] = lambda *_: die()
    settled(params)


def die_after_the_verdict(params: Params) -> None:
    vars(deciding)["write_record"] = lambda *_: die()
    settled(params)


def test_a_run_that_is_killed_on_the_way_leaves_an_entry_that_the_next_one_ends(params: Params) -> None:
    write_shades(params)
    assert killed(partial(die_when_asked, params))
    assert lines(params) == ["opened", "reserved"]
    assert killed(partial(die_after_the_verdict, params))
    assert lines(params) == ["opened", "reserved", "ended"]
    assert not DECISION.exists()
    assert (settled(params).number, settled(params).level) == (1, 0.025)
    assert lines(params) == ["opened", "reserved", "ended"]


def test_without_a_decision_the_verdict_is_provisional_and_is_not_released(params: Params) -> None:
    write_shades(params)
    with pytest.raises(ReleaseError, match="PASS on validation alone, which is provisional and cannot be released"):
        publish(params)


@pytest.mark.parametrize("part", ["candidate", "samples", "rules", "opponents"])
def test_a_decision_about_anything_else_releases_nothing(params: Params, part: str) -> None:
    write_shades(params)
    made = settled(params)
    other: dict[str, Any] = {"candidate": "c" * 64, "samples": "d" * 64, "rules": ("{}",), "opponents": {}}
    question = made.question.model_copy(update={part: other[part]})
    write_record(DECISION, made.model_copy(update={"question": question}))
    with pytest.raises(ReleaseError, match="provisional and cannot be released"):
        publish(params)


def test_a_verdict_that_the_ledger_does_not_have_releases_nothing(params: Params) -> None:
    write_shades(params, bias=2.5)
    made = settled(params)
    write_record(DECISION, made.model_copy(update={"outcome": "PASS"}))  # the record is forged
    with pytest.raises(LedgerError, match="to be PASS, about this candidate"):
        publish(params)
    store = open_store(params.deployment.store)
    store.delete(ledger_key("shades"))
    with pytest.raises(LedgerError, match="no such decision"):
        publish(params)
    with pytest.raises(LedgerError, match=r"reports/decision\.json names"):
        settled(params)


def test_a_ledger_that_was_removed_is_found_out_by_what_is_in_production(params: Params) -> None:
    write_shades(params)
    settled(params)
    publish(params)
    open_store(params.deployment.store).delete(ledger_key("shades"))
    DECISION.unlink()
    write_shades(params, bias=2.1)
    with pytest.raises(LedgerError, match="release 1 in production names"):
        settled(params)


def test_a_model_changed_after_the_choice_is_not_asked(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shades(params)
    results = load_results(params)
    candidate_model("float32").write_bytes(b"another")
    monkeypatch.setattr(deciding, "load_results", lambda _: results)
    with pytest.raises(EvaluationError, match="about which the decision is"):
        settled(params)


def test_production_is_an_opponent_and_another_release_makes_another_question(params: Params) -> None:
    write_shades(params)
    first = settled(params)
    assert first.question.opponents["production"] is None
    publish(params)
    write_shades(params, bias=2.1)
    second = settled(params)
    assert second.question.opponents["production"] == first.question.candidate
    assert (second.outcome, second.number) == ("PASS", 2)
    assert second.level == pytest.approx(0.01875)


def test_new_samples_restore_the_budget_once_they_are_as_many(params: Params) -> None:
    write_shades(params, bias=2.5)
    assert settled(params).outlook.restore == 400
    write_shades(params, tests=700)
    made = settled(params)
    assert (made.samples, made.turn, made.outlook.restore) == (400, 2, 100)
    write_shades(params, bias=2.1, tests=800)
    made = settled(params)
    assert (made.samples, made.turn, made.level, made.outlook.restore) == (400, 1, 0.025, 400)


def test_the_record_of_a_decision_has_no_figure_of_the_samples(params: Params) -> None:
    write_shades(params)
    settled(params)
    assert set(Decision.model_fields) == set(json.loads(DECISION.read_text()))
    assert not {"value", "low", "high", "accuracy"} & set(Decision.model_fields)
