"""Sending what waits: each message once to each target, in bounded time, and not too many in an hour.

A message is sent at most once. Until it is handed over (before the mail itself, before the request) nothing has
happened, and it is tried again for a day. From then on it is not sent again unless the receiver says that it did not
take it: who was killed in between, or got no answer, leaves it ``unsure``, and the next message to the same target says
so. So no kill and no slow receiver makes two messages of one, and none is lost without a word.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from tasks.config import AnyTarget, MailTarget, Notify
from tasks.errors import NotifyError, NotTaken, PerhapsTaken, SlimlineError, TakenLater
from tasks.locking import locked_if_free
from tasks.notifying.events import Event
from tasks.notifying.hooks import send_hook
from tasks.notifying.mailing import send_mail
from tasks.notifying.messages import mail
from tasks.notifying.outbox import KEPT, UNTOLD, End, Entry, Fate, Ledger, LeftOut, Outbox

ONE = 30.0  # seconds that one message may take
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0  # seconds before the second attempt, doubled up to the longest
LATEST = 86_400.0  # seconds after which a message is of no use any more
HOUR = 3600.0
AT_ONCE = 8  # targets that are told at the same time
TOLD = 5  # titles of what was left out that a message names
WORDS: dict[End, str] = {
    "left out": "left out, as there were too many in an hour",
    "refused": "refused by the receiver",
    "too late": "not sent within a day",
    "unsure": "perhaps not received, as no answer came",
}
Claim = Callable[[str], bool]


@dataclass(frozen=True)
class Outcome:
    """The fate of a message to a target in this round, and why."""

    event: Event
    target: str
    state: str
    why: str


@dataclass
class Sender:
    """Sends what waits.

    Args:
        notify: who is told.
        outbox: what waits.
        claim: of several projects' folders that share a server, gives True to one for an event, each time it asks, and
            raises TakenLater where it cannot tell; by default this is the only one.
        environment: holds the secrets.
        now: the time in seconds since 1970.
        one: seconds that one message may take.
    """

    notify: Notify
    outbox: Outbox
    claim: Claim = lambda _: True
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: Callable[[], float] = time.time
    one: float = ONE

    def send_due(self, seconds: float = 60.0) -> list[Outcome]:
        """Send what is due, and return what became of it; what another process is sending is left to it.

        Args:
            seconds: after which no further message is begun.

        Returns:
            an outcome for each message that was tried.
        """
        until = time.monotonic() + seconds
        waiting = self.outbox.waiting()
        with ThreadPoolExecutor(max_workers=max(1, min(len(waiting), AT_ONCE))) as pool:
            rounds = pool.map(lambda each: self._send_to(each[0], each[1], until), waiting.items())
            outcomes = [outcome for done in rounds for outcome in done]
        self.outbox.forget(self.now() - KEPT)
        return outcomes

    def _send_to(self, name: str, entries: list[Entry], until: float) -> list[Outcome]:
        with locked_if_free(self.outbox.lock(name)) as is_free:
            found = []
            for entry in entries if is_free else ():
                if time.monotonic() >= until:
                    break
                found.append(self._send(name, entry.event))
            return [outcome for outcome in found if outcome]

    def _send(self, name: str, event: Event) -> Outcome | None:
        """Bring one message as far as it goes now; None where it is not due."""
        fate = self.outbox.fate(name, event.id)
        if fate.state not in {"waiting", "handing over"}:
            return None  # another process has sent it since we looked
        if not (end := self._ended(name, event, fate)):
            if self.now() < fate.next_try:
                return None
            try:
                end = self._attempt(name, event, fate)
            except TakenLater as error:
                return self._wait(name, event, fate, error)
        return self._end(name, event, fate, *end)

    def _ended(self, name: str, event: Event, fate: Fate) -> tuple[End, str] | None:
        """Return what became of a message that needs no attempt, or will have none."""
        if fate.state == "handing over":
            return "unsure", "The process that sent it was killed."
        if name not in self.notify.targets:
            return "refused", f"There is no target {name} any more."
        if self.now() - datetime.fromisoformat(event.at).timestamp() > LATEST:
            return "too late", fate.why
        return None

    def _attempt(self, name: str, event: Event, fate: Fate) -> tuple[End, str]:
        """Try to send a message; raises TakenLater where another try may help."""
        if not self.claim(event.id):
            return "told elsewhere", "Another machine tells of it."
        target = self.notify.targets[name]
        if len(self._left(name)) >= target.per_hour:
            return "left out", f"More than {target.per_hour} messages in an hour."
        try:
            return "sent", self._deliver(name, target, event, fate)
        except NotTaken as error:
            return "refused", str(error)
        except PerhapsTaken as error:
            return "unsure", str(error)

    def _deliver(self, name: str, target: AnyTarget, event: Event, fate: Fate) -> str:
        ledger = self.outbox.ledger(name)

        def handing_over() -> None:
            now = self.now()
            self.outbox.write_ledger(name, ledger.model_copy(update={"left": (*self._left(name), now)}))
            self.outbox.note(name, event.id, fate.model_copy(update={"state": "handing over", "tries": fate.tries + 1}))

        try:
            said = deliver(target, event, told(ledger), self.environment, handing_over, self.one)
        except (TakenLater, NotTaken):
            self.outbox.write_ledger(name, ledger)  # it did not leave after all
            raise
        left = self.outbox.ledger(name).left
        self.outbox.write_ledger(name, Ledger(left=left))
        return said

    def _left(self, name: str) -> tuple[float, ...]:
        """Return when messages left within the last hour."""
        now = self.now()
        return tuple(at for at in self.outbox.ledger(name).left if now - HOUR < at <= now)

    def _wait(self, name: str, event: Event, fate: Fate, error: TakenLater) -> Outcome:
        pause = min(FIRST_PAUSE * 2 ** min(fate.tries, 10), LONGEST_PAUSE)
        next_try = self.now() + max(pause, error.seconds or 0.0)
        waiting = Fate(state="waiting", tries=fate.tries + 1, next_try=next_try, why=str(error))
        self.outbox.note(name, event.id, waiting)
        return Outcome(event, name, "waiting", str(error))

    def _end(self, name: str, event: Event, fate: Fate, state: End, why: str) -> Outcome:
        if state in WORDS:  # the ledger first: what is told twice is better than what is never told
            ledger = self.outbox.ledger(name)
            if event.id not in {each.event for each in ledger.untold}:
                untold = (*ledger.untold, LeftOut(event=event.id, title=event.title, state=state))
                update = {"untold": untold[:UNTOLD], "more": ledger.more + max(0, len(untold) - UNTOLD)}
                self.outbox.write_ledger(name, ledger.model_copy(update=update))
        self.outbox.note(name, event.id, fate.model_copy(update={"state": state, "why": why}))
        return Outcome(event, name, state, why)


def told(ledger: Ledger) -> str:
    """Return what a target was not told before, or perhaps was not; empty where there is nothing.

    Args:
        ledger: of the target.
    """
    if not ledger.untold:
        return ""
    counts = Counter(each.state for each in ledger.untold)
    parts = [f"{count} {WORDS[state]}" for state, count in counts.items()]
    parts += [f"{ledger.more} more"] if ledger.more else []
    titles = [each.title for each in ledger.untold]
    named = "; ".join(titles[:TOLD]) + ("; …" if len(titles) > TOLD else "")
    return f"Messages before this one: {', '.join(parts)}. They were: {named}"


def deliver(
    target: AnyTarget,
    event: Event,
    note: str,
    environment: Mapping[str, str],
    handing_over: Callable[[], object],
    seconds: float = ONE,
) -> str:
    """Send one message, and return what the receiver says.

    Whatever the receiver does, this ends within ``seconds``: by then the message was handed over, or it never is.

    Args:
        target: of params.yaml.
        event: to be told.
        note: what else is to be said; empty for nothing.
        environment: holds the target's secrets.
        handing_over: is called before the message leaves.
        seconds: after which this ends.

    Returns:
        the answer, on one line and without secrets.

    Raises:
        TakenLater: another try may help.
        NotTaken: none does.
        PerhapsTaken: the message was handed over, and no answer came.
    """
    handover = _Handover(handing_over)
    result: list[str | BaseException] = []

    def work() -> None:
        try:
            if isinstance(target, MailTarget):
                letter = mail(event, target.sender, target.to, note)
                result.append(send_mail(target, letter, environment, handover.begin))
            else:
                result.append(send_hook(target, event, note, environment, seconds, handover.begin))
        except BaseException as error:  # it is raised where it is waited for
            result.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    begun = not result and handover.give_up()
    if not result and begun:
        raise PerhapsTaken(f"It was handed over, and no answer came in {seconds:.0f} seconds.")
    if not result:
        raise TakenLater(f"Expected the receiver to answer. Received: nothing in {seconds:.0f} seconds.")
    answer = result[0]
    if isinstance(answer, SlimlineError) and not isinstance(answer, NotifyError):
        raise TakenLater(str(answer)) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


class _Handover:
    """The moment from which a message may have arrived: it comes once, and never after it was given up."""

    def __init__(self, handing_over: Callable[[], object]) -> None:
        self._handing_over, self._gate = handing_over, threading.Lock()
        self._begun = self._given_up = False

    def begin(self) -> None:
        """Note that the message is handed over now; raises where nobody waits for it any more."""
        with self._gate:
            if self._given_up:
                raise _GivenUp
            self._handing_over()
            self._begun = True

    def give_up(self) -> bool:
        """Let it not begin any more; gives whether it has begun."""
        with self._gate:
            self._given_up = True
            return self._begun


class _GivenUp(Exception):
    """Nobody waits any more for this message: it must not be handed over."""
