"""Messages to webhooks: Slack, Teams, and any program.

Source: RFC 9110, sections 10.2.3 (Retry-After) and 15 (status codes).
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tasks.config import ChatTarget, WebhookTarget
from tasks.errors import NotTaken, PerhapsTaken, TakenLater, WebError, WebUnavailable
from tasks.notifying import messages
from tasks.notifying.events import Event
from tasks.notifying.secrets import address, secret, without
from tasks.web.posting import Answer, post

TRY_AGAIN = {408, 425, 429, 500, 502, 503}
LONGEST = 3600.0  # seconds that a receiver may ask us to wait


def send_hook(
    target: ChatTarget | WebhookTarget,
    event: Event,
    note: str,
    environment: Mapping[str, str],
    seconds: float,
    handing_over: Callable[[], object],
) -> str:
    """Hand an event over, and return what the receiver says.

    Args:
        target: a webhook of params.yaml.
        event: to be told.
        note: what else is to be said; empty for nothing.
        environment: holds the target's secrets.
        seconds: after which the receiver counts as silent.
        handing_over: is called before the request leaves.

    Returns:
        its answer, on one line and without secrets.

    Raises:
        TakenLater: the receiver is away or busy.
        NotTaken: it refuses.
        PerhapsTaken: it was handed over, and no answer came.
    """
    token = getattr(target, "token_env", None)
    secrets = [secret(token, environment)] if token else []
    headers = {"Content-Type": "application/json", "Idempotency-Key": event.id}
    if secrets:
        headers["Authorization"] = f"Bearer {secrets[0]}"
    url = address(target.url_env, environment, in_the_clear=target.kind == "webhook" and not token)
    secrets.append(url)
    make = {"slack": messages.slack, "teams": messages.teams, "webhook": messages.webhook}[target.kind]
    body = json.dumps(make(event, note), ensure_ascii=False).encode()
    handed_over = False

    def hand_over() -> None:
        nonlocal handed_over
        handing_over()
        handed_over = True

    what = f"the receiver that {target.url_env} names"
    try:
        answer = post(url, body, headers, seconds, hand_over)
    except WebUnavailable as error:
        if handed_over:
            raise PerhapsTaken(f"{what} got the message and gave no answer ({error}): it may have arrived.") from None
        raise TakenLater(f"Expected {what} to answer. Received: {error}.") from None
    except WebError:
        raise NotTaken(f"Expected an address of the web in {target.url_env}. Received: something else.") from None
    return _judged(answer, what, secrets)


def _judged(answer: Answer, what: str, secrets: list[str]) -> str:
    """Return what an answer says, or raise what it means."""
    said = without(f"{answer.status} {answer.said}", secrets)
    if 200 <= answer.status < 300:
        return said
    if answer.status == 504:
        raise PerhapsTaken(f"Something before {what} gave it up (504): the message may have arrived.")
    if answer.status in TRY_AGAIN:
        raise TakenLater(f"Expected {what} to take the message. Received: {said}.", _wait(answer))
    if 300 <= answer.status < 400:
        raise NotTaken(f"Expected {what} itself. Received: {answer.status}, a redirect, which is not followed.")
    raise NotTaken(f"Expected {what} to take the message. Received: {said}.")


def _wait(answer: Answer) -> float | None:
    """Return the seconds after which the receiver wants another try, if it says so."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return min(float(told[:9]), LONGEST)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(left.total_seconds(), 0.0), LONGEST)
