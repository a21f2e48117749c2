"""Mail by SMTP, with TLS from the first byte or by STARTTLS; the server's certificate is always checked.

Source: RFC 5321 (replies 4xx may be tried again, 5xx may not), RFC 3207 (STARTTLS), RFC 8314 (TLS from the first byte).
"""

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage

from tasks.config import MailTarget
from tasks.errors import NotTaken, PerhapsTaken, TakenLater
from tasks.notifying.secrets import secret, without

SILENCE = 10.0  # seconds that a server may take for one answer
DATA_SILENCE = 20.0  # and for the mail itself
TAKEN = {250, 251}


def send_mail(
    target: MailTarget, message: EmailMessage, environment: Mapping[str, str], handing_over: Callable[[], object]
) -> str:
    """Hand a mail over, and return what the server says.

    Args:
        target: a mail server of params.yaml, with the people who are to be told.
        message: the mail.
        environment: holds the target's password.
        handing_over: is called before the mail itself leaves.

    Returns:
        its answer, on one line and without secrets.

    Raises:
        TakenLater: the server is away, refuses the login, or wants another try.
        NotTaken: it takes no mail from this sender, or for any of these people, or not this one.
        PerhapsTaken: it was handed over, and no answer came.
    """
    password = secret(target.password_env, environment) if target.password_env else ""
    secrets = [f"\0{target.user}\0{password}", password] if password else []
    where = f"{target.server} port {target.at_port()}"
    letter = _Letter(target, message, password, where, secrets, handing_over)
    try:
        return letter.hand_over()
    except smtplib.SMTPDataError as error:  # an answer to DATA, before the mail itself
        raise _refusal(error.smtp_code, error.smtp_error, "the mail", where, secrets) from None
    except smtplib.SMTPAuthenticationError as error:
        raise TakenLater(
            f"Expected {where} to take the login of {target.user}. Received: {error.smtp_code} "
            f"{without(_text(error.smtp_error), secrets)}. Check user, and what {target.password_env} holds."
        ) from None
    except (smtplib.SMTPException, OSError, UnicodeError, ValueError) as error:
        if letter.handed_over:
            raise PerhapsTaken(f"{where} got the mail and gave no answer: it may have arrived.") from None
        raise TakenLater(f"Expected {where} to take mail. Received: {_words(error, secrets)}.") from None


@dataclass
class _Letter:
    """A mail on its way."""

    target: MailTarget
    message: EmailMessage
    password: str
    where: str
    secrets: list[str]
    handing_over: Callable[[], object]
    handed_over: bool = False

    def hand_over(self) -> str:
        """Go through the whole conversation but for its end, which nothing depends on."""
        server = _connected(self.target)
        try:
            server.ehlo_or_helo_if_needed()
            if self.target.user:
                server.login(self.target.user, self.password)
                server.ehlo_or_helo_if_needed()
            self._expect(server.mail(self.target.sender), "the sender")
            answers = [server.rcpt(person) for person in self.target.to]
            if not any(code in TAKEN for code, _ in answers):
                self._expect(answers[0], "any of those who are to get it")
            if server.sock is not None:
                server.sock.settimeout(DATA_SILENCE)
            self.handing_over()
            self.handed_over = True
            answer = server.data(self.message.as_bytes())
            self._expect(answer, "the mail")
        finally:
            server.close()
        refused = [person for person, (code, _) in zip(self.target.to, answers, strict=True) if code not in TAKEN]
        return f"{answer[0]} {without(_text(answer[1]), self.secrets)}{f'; not for {refused}' if refused else ''}"

    def _expect(self, answer: tuple[int, bytes], what: str) -> None:
        code, said = answer
        if code not in TAKEN:
            raise _refusal(code, said, what, self.where, self.secrets)


def _connected(target: MailTarget) -> smtplib.SMTP:
    """Connect, and begin TLS as the target says."""
    context, name = ssl.create_default_context(), socket.gethostname()
    if target.security == "tls":
        return smtplib.SMTP_SSL(target.server, target.at_port(), local_hostname=name, timeout=SILENCE, context=context)
    server = smtplib.SMTP(target.server, target.at_port(), local_hostname=name, timeout=SILENCE)
    if target.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _refusal(code: int, said: bytes | str, what: str, where: str, secrets: list[str]) -> NotTaken | TakenLater:
    words = f"Expected {where} to take {what}. Received: {code} {without(_text(said), secrets)}."
    return NotTaken(words) if code >= 500 else TakenLater(words)


def _words(error: BaseException, secrets: list[str]) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"a certificate that is not trusted here ({error.verify_message}); SSL_CERT_FILE names the certificates "
            f"of an authority of your own"
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{str(error).rstrip('.')} there (nothing is sent in the clear: see security, user)"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return without(str(error) or type(error).__name__, secrets).rstrip(".")


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
