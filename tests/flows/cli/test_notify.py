"""The command that tries those who are told, and lists what became of messages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.notifying.events import data_changed
from tasks.notifying.outbox import Outbox
from tests.commands import Slimline
from tests.receivers import Mailbox, Receiver, mail_server, receiving, says
from tests.tasks.deployment.project import params_for


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Receiver, Mailbox]]:
    """A chat and a mailbox, which params.yaml names."""
    monkeypatch.chdir(tmp_path)
    with receiving() as receiver, mail_server() as box:
        mail = {"kind": "mail", "server": "127.0.0.1", "port": box.port, "security": "none"}
        targets: dict[str, Any] = {
            "ops-mail": {**mail, "sender": "line@example.org", "to": ["ops@example.org"]},
            "team-chat": {"kind": "slack", "url_env": "CHAT_URL"},
        }
        values = params_for(f"file://{tmp_path / 'store'}").model_dump(mode="json")
        YAML().dump({**values, "notify": {"targets": targets, "data_changed": ["team-chat"]}}, Path("params.yaml"))
        monkeypatch.setenv("CHAT_URL", f"{receiver.url}/s3cr3t-address")
        yield receiver, box


def test_each_target_gets_a_test_and_says_how_it_took_it(slimline: Slimline, servers: tuple[Receiver, Mailbox]) -> None:
    receiver, box = servers
    rows = json.loads(slimline("notify", "--test", "--json"))
    assert [(row["target"], row["state"], row["said"]) for row in rows] == [
        ("ops-mail", "sent", "250 taken"),
        ("team-chat", "sent", "200 ok"),
    ]
    assert box.mails[0]["Subject"] == receiver.posts[0].json["blocks"][0]["text"]["text"] == "shades: a test"
    slimline("notify", "team-chat", "--test")
    assert (len(box.mails), len(receiver.posts)) == (1, 2)
    assert list(Outbox().history()) == []


def test_a_target_that_does_not_take_its_test_is_an_exit_code_and_no_secret(
    slimline: Slimline, servers: tuple[Receiver, Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, _ = servers
    receiver.script.append(says(404, b"no_service"))
    said = slimline("notify", "--test", code=1)
    assert "team-chat\tnot sent" in said
    assert "404 no_service" in said
    assert "s3cr3t" not in said
    monkeypatch.delenv("CHAT_URL")
    assert "Expected the variable CHAT_URL in the environment" in slimline("notify", "--test", code=1)


def test_names_of_no_target_are_refused(slimline: Slimline, servers: tuple[Receiver, Mailbox]) -> None:
    assert "which has: ops-mail, team-chat. Received: sms" in slimline("notify", "--test", "sms", code=2)


def test_what_became_of_messages_is_listed(slimline: Slimline, servers: tuple[Receiver, Mailbox]) -> None:
    assert "No messages yet" in slimline("notify")
    Outbox().post(data_changed("shades", "d1", "3 samples are new."), ["team-chat"])
    (row,) = json.loads(slimline("notify", "--json"))
    assert (row["target"], row["state"], row["title"]) == ("team-chat", "waiting", "shades: the data have changed")
    assert "waiting\tshades: the data have changed" in slimline("notify", "team-chat")
    assert "No messages" in slimline("notify", "ops-mail")
