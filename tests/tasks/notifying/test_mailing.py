"""Mail to a real server: TLS, logins, refusals, and what is never said."""

import base64
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.config import MailTarget
from tasks.errors import NotTaken, PerhapsTaken, TakenLater
from tasks.notifying.events import Event, Run, run_failed
from tasks.notifying.mailing import send_mail
from tasks.notifying.messages import mail
from tests.receivers import PASSWORD, USER, Mailbox, mail_server
from tests.web import make_certificate

ENVIRONMENT = {"OPS_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


def target(box: Mailbox, security: str = "none", login: bool = False, **more: object) -> MailTarget:
    given = {"user": USER, "password_env": "OPS_PASSWORD"} if login else {}
    values = {"kind": "mail", "server": "127.0.0.1", "port": box.port, "security": security, **given, **more}
    return MailTarget.model_validate({"sender": "line@example.org", "to": ["ops@example.org"], **values})


def event(said: str = "Stage load ended with an error.") -> Event:
    return run_failed("digits", Run("a1", "quick-fox", said, link="http://127.0.0.1:4200/runs/a1"), "Failed")


def send(to: MailTarget, of: Event | None = None, environment: dict[str, str] | None = None) -> str:
    message = mail(of or event(), to.sender, to.to, "2 were left out")
    return send_mail(to, message, ENVIRONMENT if environment is None else environment, lambda: None)


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_over_tls_with_a_login(trusted: Path, security: str) -> None:
    with mail_server(trusted, security, login=True) as box:
        assert send(target(box, security, login=True, to=["a@example.org", "b@example.org"])) == "250 taken"
    (got,) = box.mails
    assert (box.secure, box.logins, box.people) == (
        [True],
        [USER],
        [("line@example.org", ["a@example.org", "b@example.org"])],
    )
    assert got["Subject"] == "digits: a run ended as Failed"
    assert got["Message-ID"] == f"<{event().id}@example.org>"
    assert got["Auto-Submitted"] == "auto-generated"
    text = got.get_content()
    assert text.startswith("Stage load ended with an error.\r\n")
    assert "Run: quick-fox\r\n" in text
    assert "Page: http://127.0.0.1:4200/runs/a1\r\n" in text
    assert text.endswith("2 were left out\r\n")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_trusts_gets_no_mail_and_no_password(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    refused = pytest.raises(TakenLater, match=r"certificate that is not trusted here.*SSL_CERT_FILE")
    with mail_server(certificate, security, login=True) as box, refused:
        send(target(box, security, login=True))
    assert (box.mails, box.logins) == ([], [])


def test_a_server_without_starttls_gets_nothing_in_the_clear() -> None:
    with mail_server() as box, pytest.raises(TakenLater, match="nothing is sent in the clear"):
        send(target(box, "starttls"))
    assert box.mails == []


def test_a_wrong_password_is_told_and_never_shown(trusted: Path) -> None:
    refused = pytest.raises(TakenLater, match="Check user, and what OPS_PASSWORD holds")
    with mail_server(trusted, "tls", login=True) as box, refused as error:
        send(target(box, "tls", login=True), environment={"OPS_PASSWORD": "hunter2hunter2"})
    assert set(box.logins) == {USER}
    assert "hunter2" not in str(error.value)


def test_a_variable_that_is_not_set_here_is_asked_for_by_name_alone() -> None:
    with mail_server() as box, pytest.raises(TakenLater, match="variable OPS_PASSWORD in the environment"):
        send(target(box, "tls", login=True), environment={})


def test_text_from_outside_makes_no_header_and_no_second_mail() -> None:
    evil = "x\r\nBcc: all@example.org\r\n.\r\nMAIL FROM:<me@example.org>\r\n\x1b[31m ünï ⚠"
    with mail_server() as box:
        of = run_failed(evil, Run(evil, evil, evil, evil), evil)
        send(target(box), of)
    (got,) = box.mails
    assert got["Bcc"] is None
    assert got["Subject"].startswith(r"x\r\nBcc: all@example.org\r\n.\r\n")
    assert r"\x1b[31m ünï ⚠" in got.get_content()
    assert box.people == [("line@example.org", ["ops@example.org"])]


def test_people_whom_the_server_does_not_know_keep_no_mail_from_the_others() -> None:
    with mail_server() as box:
        box.refused = {"gone@example.org"}
        assert "gone@example.org" in send(target(box, to=["gone@example.org", "ops@example.org"]))
        with pytest.raises(NotTaken, match="550 nobody here"):
            send(target(box, to=["gone@example.org"]))
    assert box.people == [("line@example.org", ["ops@example.org"])]


@pytest.mark.parametrize(("answer", "kind"), [("451 try later", TakenLater), ("554 spam", NotTaken)])
def test_an_answer_to_the_mail_says_whether_another_try_helps(answer: str, kind: type[Exception]) -> None:
    with mail_server() as box:
        box.answers.append(answer)
        with pytest.raises(kind, match=answer):
            send(target(box))


def test_a_server_that_is_away_is_tried_again() -> None:
    with mail_server() as box:
        away = target(box)
    with pytest.raises(TakenLater, match="Connection refused"):
        send(away)


@pytest.fixture
def scripted() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that answers with the next line to each command, and breaks off after the last one."""
    lines: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                for line in lines:
                    stream.write(line + b"\r\n")
                    stream.flush()
                    if line.startswith(b"354"):
                        while stream.readline() not in {b".\r\n", b""}:
                            pass
                    elif not stream.readline():
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], lines
        thread.join()


def test_a_server_that_breaks_off_after_the_mail_may_have_it(scripted: tuple[int, list[bytes]]) -> None:
    port, lines = scripted
    lines += [b"220 hello", b"250 me", b"250 from", b"250 to", b"354 go on"]
    with pytest.raises(PerhapsTaken, match="it may have arrived"):
        send(target(Mailbox(port)))


def test_a_server_that_sends_secrets_back_is_not_quoted(scripted: tuple[int, list[bytes]], trusted: Path) -> None:
    port, lines = scripted
    encoded = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    lines += [b"220 hello", b"250 me", b"550 no " + encoded + b" and " + PASSWORD.encode()]
    values = target(Mailbox(port)).model_copy(update={"user": USER, "password_env": "OPS_PASSWORD"})
    lines[1] = b"250-me\r\n250 AUTH PLAIN"
    with pytest.raises(TakenLater) as error:
        send(values)
    assert PASSWORD not in str(error.value)
    assert encoded.decode() not in str(error.value)
