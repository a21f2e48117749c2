"""People are told of ends of runs and moves of channels: once, by whoever sees them, and whatever else is wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import State
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.states import Completed, Crashed, Failed, Running

from flows.line import ended_runs, stale_watch
from flows.line.claims import TAG, claim_once, claims, forget_claims
from flows.line.notices import run_ended, send_due, tell_of
from flows.line.reaper import project_tag
from tasks.notifying import sending
from tasks.notifying.events import data_changed
from tasks.notifying.outbox import Outbox
from tests.receivers import Receiver, receiving, says

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The one that params.yaml names, of a project in the working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    kinds = ("run_failed", "held_back", "data_changed", "watch_stale")
    notify = {"targets": {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}, **{kind: ["chat"] for kind in kinds}}
    Path("params.yaml").write_text(json.dumps({"deployment": {"model": "shades"}, "notify": notify}))
    with receiving() as found:
        monkeypatch.setenv("CHAT_URL", found.url)
        yield found


def told(receiver: Receiver) -> list[str]:
    return [each.json["event"] for each in receiver.posts]


def test_a_failure_is_told_once_and_after_the_last_retry_only(receiver: Receiver) -> None:
    seen: list[int] = []

    @flow(name="retrain", retries=1, on_failure=[run_ended], on_completion=[run_ended])
    def line() -> None:
        seen.append(len(receiver.posts))
        raise ValueError("The source is gone.")

    with tags(project_tag()):
        line(return_state=True)
    send_due()
    send_due()
    assert seen == [0, 0]
    (got,) = receiver.posts
    assert got.json["title"] == "shades: a run ended as Failed"
    assert got.json["sentence"] == "The source is gone."
    assert "/runs/flow-run/" in got.json["link"]


def test_a_run_that_is_held_back_is_told_with_its_sentence_and_one_that_is_not_is_no_news(receiver: Receiver) -> None:
    def line(name: str) -> Any:
        @flow(name="retrain", on_failure=[run_ended], on_completion=[run_ended], persist_result=False)
        def run(cause: str) -> Any:
            del cause
            return Completed(name=name, message="It is worse by 3 points.")

        return run

    for name in ("Nothing to do", "Held back"):
        line(name)("two classes are new", return_state=True)
    (got,) = receiver.posts
    assert (got.json["event"], got.json["sentence"]) == ("held_back", "It is worse by 3 points.")
    assert {"name": "Cause", "value": "two classes are new"} in got.json["details"]


def test_a_receiver_that_was_away_at_the_end_gets_it_from_whoever_looks_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.script.append(says(503))
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)

    @flow(name="retrain", on_failure=[run_ended])
    def line() -> None:
        raise ValueError("no")

    line(return_state=True)
    assert told(receiver) == ["run_failed"]
    send_due()
    send_due()
    assert told(receiver) == ["run_failed"] * 2


def end(state: Any, tag: str | None = None) -> None:
    """Let a run begin whose process dies, or says nothing, and let somebody else set its state."""

    @flow(name="retrain")
    def line() -> None:
        pass

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(line, tags=[tag or project_tag()], state=Running())
        client.set_flow_run_state(run.id, state, force=True)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a crash for final at once."""
    monkeypatch.setattr(ended_runs, "SETTLED", timedelta(0))


@pytest.mark.usefixtures("settled")
def test_a_run_whose_process_died_is_told_once_and_those_before_the_first_look_never(receiver: Receiver) -> None:
    end(Crashed(message="long ago"))
    send_due()
    assert receiver.posts == []
    end(Crashed(message="Its process was killed."))
    end(Completed(name="Held back", message="It is worse."))
    end(Completed(message="fine"))
    end(Crashed(message="of another project"), tag="project:/elsewhere")
    for _ in range(3):
        send_due()
    assert sorted(told(receiver)) == ["held_back", "run_failed"]
    assert "Its process was killed." in [each.json["sentence"] for each in receiver.posts]


def test_a_crash_has_to_settle_before_people_are_told(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    send_due()
    end(Crashed(message="a false alarm, perhaps"))
    send_due()
    assert receiver.posts == []
    monkeypatch.setattr(ended_runs, "SETTLED", timedelta(0))
    send_due()
    assert told(receiver) == ["run_failed"]


@pytest.mark.usefixtures("settled")
def test_of_two_folders_that_share_a_server_one_tells(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag, other = project_tag(), tmp_path / "other"
    other.mkdir()
    (other / "params.yaml").write_text(Path("params.yaml").read_text())
    monkeypatch.setattr(ended_runs, "project_tag", lambda: tag)
    for folder in (Path.cwd(), other):
        monkeypatch.chdir(folder)
        send_due()
    end(Crashed(message="Its machine has vanished."), tag)
    for folder in (other, tmp_path / "project"):
        monkeypatch.chdir(folder)
        send_due()
    assert told(receiver) == ["run_failed"]


@flow(name="watch")
def watch() -> None:
    """Look at a source that does not answer."""


@pytest.mark.usefixtures("settled")
def test_a_silent_watch_is_told_once_and_none_of_its_failures(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_runs, "WATCH_EVERY", timedelta(0))
    send_due()
    schedule = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(minutes=5)), active=True)
    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow(watch), "watch", schedules=[schedule])

        def ends(state: State[Any]) -> None:
            run = client.create_flow_run_from_deployment(made, state=Running())
            client.set_flow_run_state(run.id, state, force=True)

        try:
            ends(Failed(message="The source does not answer."))
            send_due()
            assert receiver.posts == []  # it is not silent for long yet
            monkeypatch.setattr(stale_watch, "LEAST", timedelta(0))
            monkeypatch.setattr(stale_watch, "TIMES", 0)
            for _ in range(3):
                send_due()
            (got,) = receiver.posts
            assert got.json["event"] == "watch_stale"
            assert got.json["sentence"].endswith("The last one ended as Failed: The source does not answer.")
            ends(Completed(message="Nothing has changed."))
            client.pause_deployment(made)
            send_due()
            assert len(receiver.posts) == 1  # it is switched off
            client.resume_deployment(made)
            send_due()
            assert told(receiver) == ["watch_stale"] * 2  # it looked, and is silent again
            assert got.json["id"] != receiver.posts[1].json["id"]
        finally:
            client.delete_deployment(made)


def test_claims_are_kept_by_who_made_them_and_forgotten_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = Outbox(tmp_path / "mine"), Outbox(tmp_path / "other")
    name = f"run_failed_{datetime.now(UTC).timestamp():032.0f}"
    for outbox, is_mine in ((mine, True), (mine, True), (other, False)):
        with claims(outbox) as claim:
            assert claim(name) is is_mine
    monkeypatch.setattr("flows.line.claims.KEPT", timedelta(0))
    with get_client(sync_client=True) as client:
        forget_claims(client)
        assert not any(TAG in variable.tags for variable in client.read_variables())
        assert claim_once(client, name, "another")


def test_other_faults_of_params_keep_nobody_from_being_told(receiver: Receiver) -> None:
    values = json.loads(Path("params.yaml").read_text())
    Path("params.yaml").write_text(json.dumps({**values, "training": {"epochs": -1}, "nonsense": 1}))

    @flow(name="retrain", on_failure=[run_ended])
    def line() -> None:
        raise ValueError("params.yaml does not fit")

    line(return_state=True)
    assert told(receiver) == ["run_failed"]


def test_a_part_notify_that_does_not_fit_fails_nothing(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    Path("params.yaml").write_text(json.dumps({"notify": {"targets": {"chat": {"kind": "slack", "url": "s3cr3t"}}}}))
    tell_of(data_changed("shades", "d1", "3 samples are new."))
    assert send_due() == []
    assert "s3cr3t" not in capsys.readouterr().err
    Path("params.yaml").unlink()
    assert send_due() == []
    assert receiver.posts == []


def test_what_others_tell_of_goes_out_at_once_and_once(receiver: Receiver) -> None:
    for _ in range(2):
        tell_of(data_changed("shades", "d1", "3 samples are new.", [("cats", "3 added")]))
    (got,) = receiver.posts
    assert (got.json["event"], got.json["details"]) == ("data_changed", [{"name": "cats", "value": "3 added"}])
