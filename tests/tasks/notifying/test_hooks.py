"""Messages to webhooks, and what each answer of theirs means."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.config import ChatTarget, WebhookTarget
from tasks.errors import NotTaken, PerhapsTaken, TakenLater
from tasks.notifying.events import Event, Run, run_failed
from tasks.notifying.hooks import LONGEST, send_hook
from tests.receivers import Act, Receiver, breaks_off, receiving, says
from tests.web import make_certificate

SECRET = "T0001-B0002-a1b2c3d4e5f6"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def target(kind: str, **more: str) -> ChatTarget | WebhookTarget:
    of = WebhookTarget if kind == "webhook" else ChatTarget
    return of.model_validate({"kind": kind, "url_env": "CHAT_URL", **more})


def event(said: str = "Stage load ended.") -> Event:
    return run_failed("digits", Run("a1", "quick-fox", said, "by its schedule", "http://127.0.0.1/runs/a|1"), "Failed")


def send(receiver: Receiver, kind: str = "webhook", of: Event | None = None, note: str = "", **more: str) -> str:
    environment = {"CHAT_URL": f" {receiver.url}/services/{SECRET}\n", "TOKEN": "s3cr3t-token"}
    return send_hook(target(kind, **more), of or event(), note, environment, 5.0, lambda: None)


def test_a_program_gets_the_event_with_its_id_and_a_token(receiver: Receiver) -> None:
    assert send(receiver, note="2 were left out", token_env="TOKEN") == "200 ok"
    (got,) = receiver.posts
    assert got.path == f"/services/{SECRET}"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Authorization"] == "Bearer s3cr3t-token"
    assert got.headers["Idempotency-Key"] == got.json["id"] == event().id
    assert {**got.json, "id": "", "at": ""} == {
        "version": 1,
        "id": "",
        "event": "run_failed",
        "model": "digits",
        "at": "",
        "title": "digits: a run ended as Failed",
        "sentence": "Stage load ended.",
        "details": [
            {"name": "Run", "value": "quick-fox"},
            {"name": "Cause", "value": "by its schedule"},
            {"name": "What to do", "value": "Mend it and run again: it goes on with what is not done."},
        ],
        "link": "http://127.0.0.1/runs/a|1",
        "note": "2 were left out",
    }


def texts(part: Any, kind: str) -> list[Any]:
    """All parts of a message that have this type."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    own = [part] if isinstance(part, dict) and part.get("type") == kind else []
    return own + [found for each in inner for found in texts(each, kind)]


def test_slack_gets_blocks_in_which_text_from_outside_is_text(receiver: Receiver) -> None:
    evil = "<!channel> *bold* <http://evil|here> & :tada:\n"
    send(receiver, "slack", event(evil), note=evil)
    body = receiver.posts[0].json
    shown = r"&lt;!channel&gt; *bold* &lt;http://evil|here&gt; &amp; :tada:\n"
    assert body["mrkdwn"] is False
    assert body["text"] == f"digits: a run ended as Failed: {shown}"
    plain = [each["text"] for each in texts(body, "plain_text")]
    assert shown in plain
    assert not any(each["emoji"] for each in texts(body, "plain_text"))
    (link,) = texts(body, "mrkdwn")
    assert link["text"] == "<http://127.0.0.1/runs/a%7C1|Open the page>"
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "section", "section", "section"]


def test_teams_gets_a_card_whose_runs_of_text_read_no_markdown(receiver: Receiver) -> None:
    evil = "[here](http://evil) **bold** <at>all</at>"
    send(receiver, "teams", event(evil), note="2 were left out")
    body = receiver.posts[0].json
    (attachment,) = body["attachments"]
    assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert texts(card, "TextBlock") == texts(card, "FactSet") == []
    assert evil in [run["text"] for run in texts(card, "TextRun")]
    assert "2 were left out" in [run["text"] for run in texts(card, "TextRun")]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the page", "url": "http://127.0.0.1/runs/a|1"}]


def test_the_longest_event_stays_within_the_limits_of_slack_and_teams(receiver: Receiver) -> None:
    long = "<&😀" * 2000
    of = run_failed(long, Run(long, long, long, long, "http://127.0.0.1/"), long)
    note = "n" * 1000
    send(receiver, "slack", of, note)
    blocks = receiver.posts[0].json["blocks"]
    assert len(blocks[0]["text"]["text"]) <= 150
    assert all(len(each["text"]) <= 3000 for each in texts(blocks[1:], "plain_text"))
    assert all(len(block.get("fields", ())) <= 10 for block in blocks)
    assert len(receiver.posts[0].body) < 40_000
    send(receiver, "teams", of, note)
    assert len(receiver.posts[1].body) < 28_000


@pytest.mark.parametrize(
    ("answer", "kind", "words", "seconds"),
    [
        (says(429, b"slow down", Retry_After="17"), TakenLater, "429 slow down", 17.0),
        (says(503, Retry_After="99999999999"), TakenLater, "503", LONGEST),
        (says(503, Retry_After="soon"), TakenLater, "503", None),
        (says(500, b"oops"), TakenLater, "500 oops", None),
        (says(504), PerhapsTaken, "may have arrived", None),
        (says(404, b"no_service"), NotTaken, "404 no_service", None),
        (says(403), NotTaken, "403", None),
        (says(307, Location="http://evil.example.org/"), NotTaken, "a redirect, which is not followed", None),
        (says(302, Location="/elsewhere"), NotTaken, "a redirect", None),
    ],
)
def test_an_answer_says_whether_another_try_helps(
    receiver: Receiver, answer: Act, kind: type[Exception], words: str, seconds: float | None
) -> None:
    receiver.script.append(answer)
    with pytest.raises(kind, match=words) as error:
        send(receiver)
    assert getattr(error.value, "seconds", None) == seconds
    assert len(receiver.posts) == 1


def test_a_receiver_may_name_a_date_for_the_next_try(receiver: Receiver) -> None:
    later = datetime.now(UTC) + timedelta(seconds=120)
    receiver.script += [says(429, Retry_After=format_datetime(at, usegmt=True)) for at in (later, later - timedelta(1))]
    waits = []
    for _ in range(2):
        with pytest.raises(TakenLater) as error:
            send(receiver)
        waits.append(error.value.seconds)
    assert waits[0] is not None
    assert 60 < waits[0] <= 120
    assert waits[1] == 0.0


def test_no_error_shows_an_address_or_a_token(receiver: Receiver) -> None:
    echo = f"no {SECRET} Bearer s3cr3t-token {receiver.url}/services/{SECRET}".encode()
    receiver.script += [says(400, echo), says(503, echo)]
    for _ in range(2):
        with pytest.raises((NotTaken, TakenLater)) as error:
            send(receiver, token_env="TOKEN")
        assert SECRET not in str(error.value)
        assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("", TakenLater, "variable CHAT_URL in the environment"),
        ("http://127.0.0.1:9/services/secret-part", TakenLater, "no connection"),
        ("https://no-such-host.invalid/secret-part", TakenLater, "name is not known"),
        ("http://chat.example.org/secret-part", NotTaken, "https:// address"),
        ("secret-part", NotTaken, "Expected an address"),
        ("ftp://127.0.0.1/secret-part", NotTaken, "Expected an address"),
        ("http://127.0.0.1:notaport/secret-part", NotTaken, "Expected an address"),
        ("http://[::1/secret-part", NotTaken, "Expected an address"),
        ("https://127.0.0.1/secret-part\nX-Evil: 1", NotTaken, "one line"),
        ("https://127.0.0.1/secret-ü", NotTaken, "ASCII"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_it(url: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as error:
        send_hook(target("slack"), event(), "", {"CHAT_URL": url}, 5.0, lambda: None)
    assert "secret" not in str(error.value).replace("since it is a secret", "")


def test_a_receiver_that_breaks_off_without_an_answer_may_have_it(receiver: Receiver) -> None:
    receiver.script.append(breaks_off)
    with pytest.raises(PerhapsTaken, match="no answer"):
        send(receiver)


def test_over_tls_the_certificate_is_checked_before_anything_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, handed_over = make_certificate(tmp_path / "certificate.pem"), list[str]()
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    def send_to(url: str) -> str:
        return send_hook(target("teams"), event(), "", {"CHAT_URL": url}, 20.0, lambda: handed_over.append("yes"))

    with receiving(certificate) as receiver:
        with pytest.raises(TakenLater, match=r"TLS failed \(self-signed certificate\); SSL_CERT_FILE"):
            send_to(receiver.url)
        assert (handed_over, receiver.posts) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert send_to(receiver.url) == "200 ok"
        assert (handed_over, len(receiver.posts)) == (["yes"], 1)


def test_nothing_leaves_where_it_must_not_be_handed_over(receiver: Receiver) -> None:
    def no() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        send_hook(target("webhook"), event(), "", {"CHAT_URL": receiver.url}, 5.0, no)
    assert receiver.posts == []


def test_the_body_is_json_in_utf8(receiver: Receiver) -> None:
    send(receiver, of=event("ünï"))
    assert "ünï".encode() in receiver.posts[0].body
    assert json.loads(receiver.posts[0].body)["sentence"] == "ünï"
