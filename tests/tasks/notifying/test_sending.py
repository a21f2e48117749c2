"""One message an event and target: through retries, kills, floods and slow receivers."""

import multiprocessing
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Notify
from tasks.errors import PerhapsTaken, TakenLater
from tasks.notifying import sending
from tasks.notifying.events import Event, Run, held_back, run_failed
from tasks.notifying.outbox import KEPT, Outbox
from tasks.notifying.sending import HOUR, LATEST, LONGEST_PAUSE, Sender, deliver
from tests.receivers import Receiver, breaks_off, hangs, mail_server, receiving, says

HOOK = {"kind": "webhook", "url_env": "HOOK"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


class Clock:
    """The time, which a test moves."""

    def __init__(self) -> None:
        self.time = time.time()

    def __call__(self) -> float:
        return self.time


def notify(per_hour: int = 20, **targets: Any) -> Notify:
    found = targets or {"chat": HOOK}
    named = {name: {**HOOK, **target, "per_hour": per_hour} for name, target in found.items()}
    return Notify.model_validate({"targets": named, "run_failed": list(named)})


def sender(outbox: Outbox, receiver: Receiver, clock: Clock | None = None, **more: Any) -> Sender:
    values = {"notify": notify(), "now": clock or Clock(), "environment": {"HOOK": receiver.url}, "one": 20.0, **more}
    return Sender(outbox=outbox, **values)


def event(number: int = 1) -> Event:
    return run_failed("digits", Run(f"run-{number}", f"fox-{number}", "It ended."), "Failed")


def states(outcomes: list[sending.Outcome]) -> list[str]:
    return [each.state for each in outcomes]


def titles(receiver: Receiver) -> list[str]:
    return [each.json["details"][0]["value"] for each in receiver.posts]


def test_an_event_is_sent_once_however_often_it_is_seen(outbox: Outbox, receiver: Receiver) -> None:
    assert outbox.post(event(), ["chat"])
    assert not outbox.post(event(), ["chat"])
    assert states(sender(outbox, receiver).send_due()) == ["sent"]
    assert not outbox.post(event(), ["chat"])
    assert sender(outbox, receiver).send_due() == []
    assert len(receiver.posts) == 1
    assert not outbox.post(event(2), [])


def test_what_is_an_event_of_its_own_depends_on_the_run_the_kind_and_the_model() -> None:
    run = Run("1", "fox", "It ended.")
    made = [
        run_failed("digits", run, "Failed"),
        held_back("digits", run),
        run_failed("photos", run, "Failed"),
        event(2),
    ]
    assert len({each.id for each in made}) == 4
    assert run_failed("digits", Run("1", "other", "words"), "Crashed").id == made[0].id


def test_a_receiver_that_is_away_gets_it_later_and_each_target_has_its_own_fate(
    outbox: Outbox, receiver: Receiver
) -> None:
    clock = Clock()
    both = notify(chat={}, away={"url_env": "AWAY"})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    outbox.post(event(), ["chat", "away"])
    send = sender(outbox, receiver, clock, notify=both, environment={"HOOK": receiver.url, "AWAY": closed})
    assert sorted(states(send.send_due())) == ["sent", "waiting"]
    assert send.send_due() == []  # not due yet
    clock.time += 5
    assert states(send.send_due()) == ["waiting"]
    clock.time += LONGEST_PAUSE
    send.environment = {"AWAY": receiver.url}
    assert states(send.send_due()) == ["sent"]
    assert len(receiver.posts) == 2


def test_attempts_that_were_refused_do_not_count_for_the_limit(outbox: Outbox, receiver: Receiver) -> None:
    clock = Clock()
    receiver.script += [says(503)] * 3
    outbox.post(event(), ["chat"])
    send, found = sender(outbox, receiver, clock, notify=notify(per_hour=1)), []
    for _ in range(4):
        found += states(send.send_due())
        clock.time += 60
    assert found == ["waiting", "waiting", "waiting", "sent"]


def test_a_receiver_may_say_when_to_come_again(outbox: Outbox, receiver: Receiver) -> None:
    clock = Clock()
    receiver.script.append(says(429, Retry_After="600"))
    outbox.post(event(), ["chat"])
    send = sender(outbox, receiver, clock)
    assert states(send.send_due()) == ["waiting"]
    clock.time += 599
    assert send.send_due() == []
    clock.time += 2
    assert states(send.send_due()) == ["sent"]


def test_a_flood_is_cut_and_the_next_message_tells_of_it(outbox: Outbox, receiver: Receiver) -> None:
    clock = Clock()
    send = sender(outbox, receiver, clock, notify=notify(per_hour=3))
    for number in range(10):
        outbox.post(event(number), ["chat"])
    assert sorted(states(send.send_due())) == ["left out"] * 7 + ["sent"] * 3
    clock.time += HOUR + 1
    outbox.post(event(99), ["chat"])
    assert states(send.send_due()) == ["sent"]
    assert len(receiver.posts) == 4
    note = receiver.posts[-1].json["note"]
    assert note.startswith("Messages before this one: 7 left out, as there were too many in an hour. They were: ")
    outbox.post(event(100), ["chat"])
    send.send_due()
    assert receiver.posts[-1].json["note"] is None


def test_a_refusal_and_a_silence_are_told_in_the_next_message_and_never_sent_again(
    outbox: Outbox, receiver: Receiver
) -> None:
    receiver.script += [says(404, b"no_service"), breaks_off]
    send = sender(outbox, receiver)
    for number, state in ((1, "refused"), (2, "unsure"), (3, "sent")):
        outbox.post(event(number), ["chat"])
        assert states(send.send_due()) == [state]
    assert titles(receiver) == ["fox-1", "fox-2", "fox-3"]
    note = receiver.posts[-1].json["note"]
    assert "1 refused by the receiver, 1 perhaps not received, as no answer came" in note


def test_what_could_not_be_sent_within_a_day_is_told_in_the_next_message(outbox: Outbox, receiver: Receiver) -> None:
    clock = Clock()
    send = sender(outbox, receiver, clock, environment={})
    outbox.post(event(1), ["chat"])
    assert states(send.send_due()) == ["waiting"]
    clock.time += LATEST + 1
    (late,) = send.send_due()
    assert late.state == "too late"
    assert "variable HOOK" in late.why
    send.environment = {"HOOK": receiver.url}
    outbox.post(event(2).model_copy(update={"at": "2100-01-01T00:00:00+00:00"}), ["chat"])
    assert states(send.send_due()) == ["sent"]
    assert "1 not sent within a day" in receiver.posts[-1].json["note"]


def test_a_target_that_params_have_no_more_is_given_up(outbox: Outbox, receiver: Receiver) -> None:
    outbox.post(event(), ["gone"])
    (outcome,) = sender(outbox, receiver).send_due()
    assert (outcome.state, outcome.why) == ("refused", "There is no target gone any more.")


def test_of_two_folders_that_share_a_server_one_tells(tmp_path: Path, receiver: Receiver) -> None:
    owners: dict[str, str] = {}

    def claim_for(box: Outbox) -> Callable[[str], bool]:
        return lambda of: owners.setdefault(of, box.owner()) == box.owner()

    boxes = [Outbox(tmp_path / name) for name in ("one", "two")]
    assert boxes[0].owner() == boxes[0].owner() != boxes[1].owner()
    found = []
    for box in boxes:
        box.post(event(), ["chat"])
        found += states(sender(box, receiver, claim=claim_for(box)).send_due())
    assert found == ["sent", "told elsewhere"]
    assert len(receiver.posts) == 1


def test_where_it_cannot_be_told_who_tells_nobody_does_yet(outbox: Outbox, receiver: Receiver) -> None:
    def unknown(_: str) -> bool:
        raise TakenLater("The server is away.")

    outbox.post(event(), ["chat"])
    assert states(sender(outbox, receiver, claim=unknown).send_due()) == ["waiting"]
    assert receiver.posts == []


def test_two_processes_send_one_message(outbox: Outbox, receiver: Receiver) -> None:
    begun, until = threading.Event(), threading.Event()

    def waits(handler: Any) -> None:
        begun.set()
        until.wait(60)
        says(200)(handler)

    receiver.script.append(waits)
    outbox.post(event(), ["chat"])
    first: list[str] = []
    thread = threading.Thread(target=lambda: first.extend(states(sender(outbox, receiver).send_due())))
    thread.start()
    assert begun.wait(60)
    assert sender(outbox, receiver).send_due() == []
    until.set()
    thread.join()
    assert (first, len(receiver.posts)) == (["sent"], 1)


def _send_in_a_process(folder: Path, url: str, per_hour: int = 20) -> None:
    Sender(notify(per_hour), Outbox(folder), environment={"HOOK": url}).send_due()


def test_a_kill_between_sending_and_noting_makes_no_second_message(outbox: Outbox, receiver: Receiver) -> None:
    begun, until = threading.Event(), threading.Event()

    def waits(handler: Any) -> None:
        begun.set()
        until.wait(60)

    receiver.script.append(waits)
    outbox.post(event(), ["chat"])
    process = multiprocessing.get_context("spawn").Process(
        target=_send_in_a_process, args=(outbox.folder, receiver.url), daemon=True
    )
    process.start()
    assert begun.wait(120)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    until.set()
    assert states(sender(outbox, receiver).send_due()) == ["unsure"]
    outbox.post(event(2), ["chat"])
    assert states(sender(outbox, receiver).send_due()) == ["sent"]
    assert titles(receiver) == ["fox-1", "fox-2"]
    assert "1 perhaps not received" in receiver.posts[-1].json["note"]


@pytest.mark.slow
def test_no_kill_at_any_moment_makes_two_messages_of_one_or_loses_one_without_a_word(
    outbox: Outbox, receiver: Receiver
) -> None:
    """Twelve senders are killed, each when a random number of messages have come."""
    chance, kills = random.Random(5), 12
    found = notify(per_hour=1000)
    for number in range(60):
        outbox.post(event(number), ["chat"])
    arrived = threading.Event()

    def takes(handler: Any) -> None:
        if len(receiver.posts) >= at:
            arrived.set()
            if chance.random() < 0.5:
                until.wait(60)  # it is killed before it hears of it
        says(200)(handler)

    for _ in range(kills):
        until, at = threading.Event(), len(receiver.posts) + chance.randrange(1, 5)
        receiver.script.extend([takes] * 5)
        arrived.clear()
        process = multiprocessing.get_context("spawn").Process(
            target=_send_in_a_process, args=(outbox.folder, receiver.url, 1000), daemon=True
        )
        process.start()
        assert arrived.wait(120)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        until.set()
        receiver.script.clear()
    while outbox.waiting():
        sender(outbox, receiver, notify=found).send_due()
    ids = [each.json["id"] for each in receiver.posts]
    assert len(ids) == len(set(ids))
    fates = {entry.event.id: fate.state for entry, _, fate in outbox.history()}
    assert set(fates.values()) <= {"sent", "unsure"}
    assert {each for each, state in fates.items() if state == "sent"} <= set(ids)
    assert len(fates) == 60
    unsure = sum(state == "unsure" for state in fates.values())
    told = [int(note.split("perhaps not received")[0].split()[-1]) for note in notes(receiver)]
    assert 1 <= unsure <= kills
    assert sum(told) >= unsure - 1  # the last one is told of in the next message, if there is one


def notes(receiver: Receiver) -> list[str]:
    return [each.json["note"] for each in receiver.posts if each.json["note"]]


def test_a_kill_before_the_message_leaves_loses_nothing(
    outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> str:
        raise Killed

    outbox.post(event(), ["chat"])
    with monkeypatch.context() as patch:
        patch.setattr(sending, "send_hook", killed)
        with pytest.raises(Killed):
            sender(outbox, receiver).send_due()
    assert states(sender(outbox, receiver).send_due()) == ["sent"]
    assert len(receiver.posts) == 1


def test_a_server_that_drips_is_given_up_in_time_and_never_gets_the_message_later(outbox: Outbox) -> None:
    ended = threading.Event()
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                ended.wait(60)
                connection.sendall(b"220 hello\r\n")
                connection.settimeout(30)
                while chunk := connection.recv(1000):
                    got.append(chunk)
                    connection.sendall(b"250 yes\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        values = {"kind": "mail", "server": "127.0.0.1", "port": listener.getsockname()[1], "security": "none"}
        found = Notify.model_validate(
            {"targets": {"ops": {**values, "sender": "line@example.org", "to": ["ops@example.org"]}}}
        )
        with pytest.raises(TakenLater, match="nothing in 0 seconds"):
            deliver(found.targets["ops"], event(), "", {}, lambda: None, 0.2)
        ended.set()
        thread.join()
    assert not any(b"DATA" in chunk.upper() for chunk in got)


def test_a_mail_reaches_a_real_server_through_the_outbox(outbox: Outbox, receiver: Receiver) -> None:
    with mail_server() as box:
        values = {"kind": "mail", "server": "127.0.0.1", "port": box.port, "security": "none"}
        found = Notify.model_validate(
            {"targets": {"ops": {**values, "sender": "line@example.org", "to": ["ops@example.org"]}}}
        )
        outbox.post(event(), ["ops"])
        assert states(sender(outbox, receiver, notify=found).send_due()) == ["sent"]
        assert sender(outbox, receiver, notify=found).send_due() == []
    assert len(box.mails) == 1


def test_what_everybody_was_told_is_not_read_again_and_not_told_again(
    outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.post(event(1), ["chat"])
    sender(outbox, receiver).send_due()
    assert outbox.waiting() == {}
    outbox.post(event(2), ["chat"])
    (entries,) = outbox.waiting().values()
    assert [entry.event.id for entry in entries] == [event(2).id]
    assert not outbox.post(event(1), ["chat"])
    (outbox.folder / "events" / f"{event(1).id}.json").write_text("{}")  # nobody looks
    assert states(sender(outbox, receiver).send_due()) == ["sent"]


def test_old_events_are_forgotten(outbox: Outbox, receiver: Receiver) -> None:
    outbox.post(event(), ["chat"])
    clock = Clock()
    sender(outbox, receiver, clock).send_due()
    assert [state.state for _, _, state in outbox.history()] == ["sent"]
    clock.time += KEPT + 60
    sender(outbox, receiver, clock).send_due()
    assert list(outbox.history()) == []


@pytest.mark.parametrize("text", ["", "{", "{}"])
def test_damaged_files_hold_nobody_up(outbox: Outbox, receiver: Receiver, text: str) -> None:
    outbox.post(event(), ["chat"])
    (outbox.folder / "events" / "run_failed_x.json").write_text(text)
    folder = outbox.folder / "targets" / "chat"
    folder.mkdir(parents=True)
    (folder / "ledger.json").write_text(text)
    (folder / f"{event().id}.json").write_text(text)
    assert states(sender(outbox, receiver).send_due()) == ["sent"]


def test_an_answer_that_comes_too_late_leaves_it_open(receiver: Receiver) -> None:
    until = threading.Event()
    receiver.script.append(hangs(until))
    target = notify().targets["chat"]
    with pytest.raises(PerhapsTaken):
        deliver(target, event(), "", {"HOOK": receiver.url}, lambda: None, 2.0)
    until.set()
