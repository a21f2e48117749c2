"""The ends of a run after the gate: what is released, what waits for a person, what is held back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect import flow

from flows.line import recording, releasing
from flows.line.concluding import RunResult, conclude
from tasks.config import Params, Versioning
from tasks.deployment.approvals.approving import Reviewed, approve, reject
from tasks.deployment.approvals.waiting import Terms
from tasks.deployment.decisions.entries import Barred
from tasks.deployment.decisions.ledger import read
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.promotion import registry_of, rollback
from tasks.deployment.stores import directory
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.errors import ReleaseError, VersioningError, WornOut
from tasks.evaluation.records import DECISION, GATE, Decision, GateReport
from tasks.notifying.events import Event
from tasks.notifying.outbox import Outbox
from tasks.records import read_record, write_record
from tasks.samples import PREPARED, VALIDATION_HASHES
from tests.tasks.deployment.project import decide, params_for, write_project
from tests.tasks.versioning.records import name_somebody, run

End = Callable[..., RunResult]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    return params.model_copy(update={"versioning": params.versioning.model_copy(update={"push": False})})


@pytest.fixture
def end(prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> End:
    """Come as far as the gate with the model of this bias, and end the run, which opens the store once."""
    kind = directory.DirectoryStore
    opened: list[str] = []

    def counted(url: str) -> Store:
        opened.append(url)
        return kind(url)

    def run(
        bias: float, params: Params, change: Callable[[], None] = lambda: None, cause: str | None = None
    ) -> RunResult:
        @flow(name="end", persist_result=False)
        def line() -> None:
            results.append(conclude(params, cause))

        results: list[RunResult] = []
        write_project(params, bias)
        change()
        opened.clear()
        with monkeypatch.context() as patch:
            patch.setattr(directory, "DirectoryStore", counted)
            line()
        assert opened == [params.deployment.store]
        return results[0]

    return run


def test_a_model_is_released_once_and_held_back_after_it_was_taken_back(end: End, params: Params) -> None:
    result = end(1, params)
    assert result.release
    assert (result.ending, result.release.channels) == ("Released", ("staging", "production"))
    assert end(1, params).ending == "Nothing to do"
    assert end(2, params).ending == "Released"
    rollback(registry_of(params.deployment), "production", Why("false alarms.", "alice"))
    held = end(2, params)
    assert (held.ending, held.release) == ("Held back", None)
    assert "alice took back from production" in held.sentence
    assert end(1, params).ending == "Nothing to do"


def test_a_record_that_failed_is_made_up_for_by_the_next_run_and_by_no_other(
    end: End, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Exception | int] = [VersioningError("The remote is gone."), VersioningError("It still is."), 3]

    def push() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(recording, "push", push)
    params = params.model_copy(update={"versioning": params.versioning.model_copy(update={"push": True})})
    for words in ("gone", "still"):
        with pytest.raises(VersioningError, match=words):
            end(1, params)
    made_up = end(1, params)
    assert made_up.release
    assert (made_up.ending, made_up.release.version, answers) == ("Nothing to do", 1, [])
    assert end(1, params).ending == "Nothing to do"


def test_the_record_in_git_has_figures_channels_and_cause_and_is_tagged(
    end: End, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_somebody(monkeypatch)
    run(Path(), "git", "init", "--quiet")
    params = params.model_copy(update={"versioning": Versioning(commit=True, push=False)})
    released = end(1, params, cause="3 samples are new in cats\nManifest SHA-256: none").release
    assert released
    message = run(Path(), "git", "log", "-1", "--format=%B")
    title, lines, witness = message.split("\n\n")
    assert (title, witness) == ("Release shades 1", f"Manifest SHA-256: {released.manifest_sha256}")
    recipe, figures, channels, cause = lines.splitlines()
    assert recipe == f"Recipe: {released.recipe}"
    assert figures.startswith(f"Figures: {released.stored_bytes:,} bytes stored")
    assert channels == "Channels: staging, production"
    assert cause == r"Cause: 3 samples are new in cats\nManifest SHA-256: none"
    assert run(Path(), "git", "tag", "--list") == "shades@v1.0.0"
    assert end(1, params).ending == "Nothing to do"
    assert run(Path(), "git", "rev-list", "--count", "HEAD") == "1"


def tell_somebody() -> None:
    """Let params.yaml, of which a test's runs take no other part, name somebody who is told."""
    kinds = ("released", "approval_wanted")
    targets = {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}
    Path("params.yaml").write_text(json.dumps({"notify": {"targets": targets, **{kind: ["chat"] for kind in kinds}}}))


def waiting() -> list[Event]:
    return [entry.event for entries in Outbox().waiting().values() for entry in entries]


def test_a_release_is_told_once_also_by_the_run_that_makes_up_for_its_record(
    end: End, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise VersioningError("The remote is gone.")

    pushing = params.model_copy(update={"versioning": Versioning(push=True)})
    monkeypatch.setattr(recording, "push", away)
    with pytest.raises(VersioningError):
        end(1, pushing)  # it was released, and nobody asked to be told
    for _ in range(2):
        with pytest.raises(VersioningError):
            end(1, pushing, tell_somebody)
    monkeypatch.setattr(recording, "push", lambda: 1)
    for _ in range(2):
        assert end(1, pushing, tell_somebody).ending == "Nothing to do"
    (event,) = waiting()
    assert (event.kind, event.title) == ("released", "shades 1 is production")
    assert dict(event.details)["Figures"].endswith("(validation)")


def test_a_release_of_another_task_leaves_no_channel_moved(end: End, params: Params) -> None:
    assert end(1, params).ending == "Released"
    dataset = Path("data/prepared/dataset.json")

    def of_another_task() -> None:
        dataset.write_text(dataset.read_text().replace('"light"', '"bright"'))
        decide(params)

    with pytest.raises(ReleaseError, match="another task: it knows other classes"):
        end(2, params, of_another_task)
    said = params.model_copy(update={"deployment": params.deployment.model_copy(update={"replaces": "1"})})
    result = end(2, said, of_another_task)
    assert result.release
    assert (result.ending, result.release.channels) == ("Released", ("staging", "production"))


@pytest.fixture
def required(params: Params) -> Params:
    """Params where each release waits for a person."""
    return params.model_copy(update={"deployment": params.deployment.model_copy(update={"approval": "required"})})


def test_a_release_that_waits_is_told_with_the_command_that_decides(end: End, required: Params) -> None:
    for _ in range(2):
        end(1, required, tell_somebody)
    (event,) = waiting()
    assert (event.kind, event.title) == ("approval_wanted", "shades 1 waits for a person")
    assert dict(event.details)["Command"] == "slimline approve shades@1 --reason …"


def answer(params: Params, give: Callable[..., Reviewed], version: int, reason: str = "looked at") -> Reviewed:
    terms = Terms(Why(reason, "ann"), "a terminal on here", params.deployment.approval_days)
    return give(registry_of(params.deployment), version, terms, datetime.now(UTC))


def test_where_approval_is_required_a_run_ends_in_staging_until_a_person_has_answered(
    end: End, required: Params
) -> None:
    for _ in range(2):  # the next run says so again: the first may have been killed before it could
        result = end(1, required)
        assert result.release
        assert (result.ending, result.release.version, result.release.channels) == ("AwaitingApproval", 1, ("staging",))
        assert "shades@1 waits in staging for a person until 20" in result.sentence
        assert "`slimline approve shades@1 --reason …`" in result.sentence
    answer(required, approve, 1)
    assert end(1, required).ending == "Nothing to do"


def test_a_model_that_was_rejected_is_held_back_and_another_one_is_not(end: End, required: Params) -> None:
    end(1, required)
    answer(required, reject, 1, "it is too dark")
    held = end(1, required)
    assert (held.ending, held.release) == ("Held back", None)
    assert "ann has rejected it" in held.sentence
    assert "it is too dark" in held.sentence
    assert end(2, required).ending == "AwaitingApproval"


def test_a_model_that_was_approved_and_taken_back_is_held_back(end: End, required: Params) -> None:
    for bias in (1, 2):
        end(bias, required)
        answer(required, approve, bias)
    rollback(registry_of(required.deployment), "production", Why("false alarms.", "alice"))
    held = end(2, required)
    assert held.ending == "Held back"
    assert "alice took back from production" in held.sentence


def test_a_run_that_is_held_back_names_the_samples_on_which_candidates_were_chosen(end: End, params: Params) -> None:
    def unpromising() -> None:
        gate = read_record(GATE, GateReport)
        write_record(GATE, gate.model_copy(update={"outcome": "FAIL", "promising": False}))
        DECISION.unlink()
        (PREPARED / VALIDATION_HASHES).write_bytes(bytes(range(100, 116)))  # two samples

    assert end(1, params, unpromising).ending == "Held back"
    *_, line = read(open_store(params.deployment.store), params.deployment.model).ledger.lines
    assert isinstance(line, Barred)
    assert line.count == 2


def test_what_the_gate_could_not_decide_waits_for_a_person_only_where_that_is_said(end: End, params: Params) -> None:
    def undecided() -> None:
        gate = read_record(GATE, GateReport)
        write_record(GATE, gate.model_copy(update={"outcome": outcome, "promising": False}))
        DECISION.unlink()

    asked = params.model_copy(
        update={"deployment": params.deployment.model_copy(update={"approval": "when_inconclusive"})}
    )
    outcome = "INCONCLUSIVE"
    assert end(1, params, undecided).ending == "Held back"
    result = end(1, asked, undecided)
    assert result.release
    assert (result.ending, result.release.channels) == ("AwaitingApproval", ("staging",))
    assert answer(asked, approve, 1).has_moved
    outcome = "FAIL"
    assert end(2, asked, undecided).ending == "Held back"
    released = end(3, asked)
    assert released.release
    assert (released.ending, released.release.channels) == ("Released", ("staging", "production"))


def test_a_run_ends_held_back_where_the_sealed_samples_are_worn_out_or_prove_too_little(
    end: End, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worn_out(*_: object) -> Decision:
        raise WornOut("Expected test samples that can decide. Received: none.")

    monkeypatch.setattr(releasing, "settle", worn_out)
    held = end(1, params)
    assert (held.ending, held.release) == ("Held back", None)
    assert held.sentence.startswith("Expected test samples")
    unproven = read_record(DECISION, Decision).model_copy(update={"outcome": "INCONCLUSIVE", "sentence": "Not proven."})
    monkeypatch.setattr(releasing, "settle", lambda *_: unproven)
    held = end(1, params)
    assert (held.ending, held.sentence, held.release) == ("Held back", "Not proven.", None)
