"""An event as Slack, Teams, a program and a mail have it; whatever came from outside is text there.

Sources: Slack, https://docs.slack.dev/reference/block-kit/blocks (a header has 150 characters, a section 3000, a field
2000, a section ten fields) and https://docs.slack.dev/messaging/formatting-message-text (``&``, ``<`` and ``>`` are
escaped); Teams, https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run (a TextRun reads no Markdown, a
TextBlock does) and
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook (28 KB).
"""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from tasks.notifying.events import Event

Payload = dict[str, Any]
HEADER, SECTION, FIELD = 150, 3000, 2000  # characters that Slack takes


def slack(event: Event, note: str = "") -> Payload:
    """Return the body for an incoming webhook of Slack.

    Args:
        event: to be told.
        note: what else is to be said, as what was left out before.
    """
    blocks: list[Payload] = [
        {"type": "header", "text": _plain(event.title, HEADER)},
        {"type": "section", "text": _plain(event.sentence)},
    ]
    if event.details:
        fields = [_plain(f"{name}\n{value}", FIELD) for name, value in event.details]
        blocks.append({"type": "section", "fields": fields})
    if event.link:
        page = event.link.replace("|", "%7C")
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{_escape(page)}|Open the page>"}})
    if note:
        blocks.append({"type": "section", "text": _plain(note)})
    return {"text": _escape(f"{event.title}: {event.sentence}"), "mrkdwn": False, "blocks": blocks}


def _plain(text: str, most: int = SECTION) -> Payload:
    """Return text that no markup is read in, as short as it has to be with its escapes."""
    kept = text or " "
    while len(_escape(kept)) > most:
        kept = f"{kept[: len(kept) * most // len(_escape(kept)) - 1]}…"
    return {"type": "plain_text", "text": _escape(kept), "emoji": False}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams(event: Event, note: str = "") -> Payload:
    """Return the body for a workflow of Teams that posts what its webhook gets: an adaptive card.

    Args:
        event: to be told.
        note: what else is to be said; empty for nothing.
    """
    body = [_rich({"text": event.title, "weight": "Bolder", "size": "Medium"}), _rich({"text": event.sentence})]
    body += [_rich({"text": f"{name}: ", "weight": "Bolder"}, {"text": value}) for name, value in event.details]
    if note:
        body.append(_rich({"text": note, "isSubtle": True}))
    card: Payload = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
    }
    if event.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the page", "url": event.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _rich(*runs: Payload) -> Payload:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}


def webhook(event: Event, note: str = "") -> Payload:
    """Return the body for a program. ``id`` is the same for the same event, ``version`` is that of this form.

    Args:
        event: to be told.
        note: what else is to be said; empty for nothing.
    """
    return {
        "version": 1,
        "id": event.id,
        "event": event.kind,
        "model": event.model,
        "at": event.at,
        "title": event.title,
        "sentence": event.sentence,
        "details": [{"name": name, "value": value} for name, value in event.details],
        "link": event.link,
        "note": note or None,
    }


def mail(event: Event, sender: str, to: tuple[str, ...], note: str = "") -> EmailMessage:
    """Return a mail; its id is made of the event's, so that a mailbox which gets it twice may show it once.

    Args:
        event: to be told.
        sender: an address.
        to: addresses.
        note: what else is to be said; empty for nothing.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = event.title
    message["From"], message["To"] = sender, ", ".join(to)
    message["Date"] = format_datetime(datetime.fromisoformat(event.at))
    message["Message-ID"] = f"<{event.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers that they are away
    message["X-Slimline-Event"] = event.kind
    lines = [event.sentence, ""]
    lines += [f"{name}: {value}" for name, value in event.details]
    lines += [f"Page: {event.link}"] if event.link else []
    lines += ["", note] if note else []
    message.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return message
