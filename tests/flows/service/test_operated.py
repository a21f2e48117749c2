"""A line that nobody looks after, on real parts: S3, the service, a browser, a device, a mail server and a webhook.

Each part asks for the parts before it that it needs, so that one may be run alone (``-k browser``). ``-s`` prints what
happened when; docs/how-to/operating.md has the lines of one run.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.s3.connection import connect
from tests.browser import browser
from tests.flows.short_project import SLIMLINE, new_project, run, set_schedule
from tests.receivers import Mailbox, Receiver, mail_server, receiving
from tests.servers import ANYBODY
from tests.service import PAUSE, SECONDS, FlowRun, Service, service
from tests.tasks.data_loading.material import Tree, picture, shaded

pytestmark = pytest.mark.slow  # a service, a browser and three runs of the line take minutes
BUCKET, BATCHES, STORE = "operated", "batches", "s3://operated/releases"
EACH = 80  # images of a class in the first batch
LEVELS = {"dusk": 60, "noon": 200}  # grey of the classes
QUIET = 5  # seconds
BEGINS = 90.0  # seconds of quiet within which a run has begun; so many times more where that many wait for a processor
CHANGES = (
    f"data.source=s3://{BUCKET}/{BATCHES}",
    "deployment.model=sky",
    f"deployment.store={STORE}",
    "deployment.approval=required",
    "training.epochs=8",
    "training.batch_size=16",
    "teachers={}",
    "recipes={float16: [{technique: quantize, mode: float16}]}",
    "benchmark={processes: 2, rounds: 10, seconds: 5}",
    "gate.rules=[{metric: accuracy, margin: 0.2, versus: [baseline]}, {metric: stored_bytes, max_ratio: 0.7}]",
    f"watch.quiet={QUIET}",
)
TOLD = ("run_failed", "approval_wanted", "released", "data_changed", "data_waits")


@dataclass
class Line:
    """The line and those who are told of it."""

    service: Service
    mails: Mailbox
    posts: Receiver
    begun: float = field(default_factory=time.monotonic)

    def note(self, words: str) -> None:
        """Print what happened, and when."""
        seconds = round(time.monotonic() - self.begun)
        print(f"{seconds // 60:02}:{seconds % 60:02}  {words}", flush=True)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return what the webhook got about events of a kind."""
        return [post.json for post in self.posts.posts if post.json["event"] == kind]

    def wait_until_told(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait for a message by webhook and mail alike; gives what the webhook got last."""
        deadline = time.monotonic() + SECONDS
        while (so_far := self.told(kind))[count - 1 :] == [] or self.mails_about(so_far[-1]["title"]) < count:
            assert time.monotonic() < deadline, (so_far, self.mails.mails)
            time.sleep(PAUSE)  # who is told does not say so
        message = so_far[-1]
        assert (len(so_far), self.mails_about(message["title"])) == (count, count)
        self.note(f"mail and webhook: {message['title']}")
        return message

    def mails_about(self, title: str) -> int:
        return sum(title in str(mail["Subject"]) for mail in self.mails.mails)

    def put(self, files: Tree) -> float:
        """Upload a batch; gives when the last of it was there (UTC, seconds)."""
        client = connect()
        for name, content in files.items():
            client.put_object(Bucket=BUCKET, Key=f"{BATCHES}/{name}", Body=content)
        return time.time()

    def wait_for_run_on(self, done: float, known: set[str]) -> FlowRun:
        """Wait until another run than those that are known was begun by changed data; it must not come late."""

        def has_begun(run: FlowRun) -> bool:
            return run["id"] in self.begun_by_data() - known and run["start_time"] is not None

        begun = self.service.wait_for_run("retrain", has_begun)
        late = datetime.fromisoformat(begun["start_time"]).timestamp() - done - QUIET
        self.note(
            f"a run has begun, {late:.0f} s after the batch was quiet: {begun['parameters']['cause']['sentence']}"
        )
        assert late <= BEGINS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        return begun

    def begun_by_data(self) -> set[str]:
        return {run["id"] for run in self.service.runs("retrain") if "cause" in run["parameters"]}

    def end_of(self, begun: FlowRun, flow: str = "retrain") -> FlowRun:
        ended = self.service.wait_for_end(flow, begun["id"])
        self.note(f"it ends as {ended['state_name']}: {ended['state']['message']}")
        return ended


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("operated") / "sky"
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**ANYBODY, "AWS_ENDPOINT_URL": s3_endpoint, "AWS_CONFIG_FILE": "/dev/null"}.items():
            patch.setenv(name, value)
        connect().create_bucket(Bucket=BUCKET)
        mails, posts = stack.enter_context(mail_server()), stack.enter_context(receiving())
        mail = f"{{kind: mail, server: 127.0.0.1, port: {mails.port}, security: none, sender: line@a.b, to: [ops@a.b]}}"
        targets = f"notify.targets={{ops: {mail}, board: {{kind: webhook, url_env: BOARD_URL}}}}"
        environment = new_project(folder, *CHANGES, targets, *(f"notify.{kind}=[ops, board]" for kind in TOLD))
        set_schedule(folder, "watch", interval=15, active=True)
        set_schedule(folder, "retrain", slug="nightly", cron="* * * * *", timezone="UTC", active=False)
        up = stack.enter_context(service(folder, {**environment, "BOARD_URL": posts.url}))
        made = Line(up, mails, posts)
        made.note("`slimline up`: the pages are there, the watch looks every 15 s at an empty prefix")
        yield made


@pytest.fixture(scope="module")
def waiting(line: Line) -> FlowRun:
    """A first batch is there, and the run that came of it has ended."""
    files = shaded(LEVELS, EACH)
    done = line.put(files)
    line.note(f"{len(files)} images were dropped into s3://{BUCKET}/{BATCHES}")
    return line.end_of(line.wait_for_run_on(done, set()))


@pytest.fixture(scope="module")
def released(line: Line, waiting: FlowRun, tmp_path_factory: pytest.TempPathFactory) -> FlowRun:
    """A person has approved the release in a browser."""
    with browser(tmp_path_factory.mktemp("browser")) as page:
        texts = {"release": "sky@1", "name": "Ann", "reason": "looked at fifty of them"}
        begun = line.service.fill_form(page, "approve", {"decision": "approve"}, **texts)
        line.note("Ann has filled in the form of `approve` in the browser and sent it")
        ended = line.end_of(begun, "release.approve")
        page.visit(line.service.page_of(begun), "Approved")
    return ended


def test_a_batch_dropped_into_a_watched_prefix_ends_as_a_release_that_waits(line: Line, waiting: FlowRun) -> None:
    assert (waiting["state_type"], waiting["state_name"]) == ("COMPLETED", "AwaitingApproval")
    assert waiting["parameters"]["cause"]["sentence"] == f"{2 * EACH} files added."
    line.wait_until_told("data_changed")
    assert "slimline approve sky@1" in str(line.wait_until_told("approval_wanted")["details"])
    assert line.service.json("status")["waiting"]["version"] == 1
    assert line.told("released") == []


def test_who_approves_in_the_browser_releases_and_a_device_fetches_it(
    line: Line, released: FlowRun, tmp_path: Path
) -> None:
    assert released["state_name"] == "Approved"
    assert line.wait_until_told("released")["title"] == "sky 1 is production"
    keys = line.service.project / ".slimline" / "keys" / "local.pub"
    fetch = (SLIMLINE, "fetch", "sky", "--store", STORE, "--channel", "production", "--trusted-keys", keys)
    fetched = run(line.service.environment, tmp_path, *fetch, "--to", tmp_path / "device")
    assert fetched.returncode == 0, fetched.stderr
    (tmp_path / "new.png").write_bytes(next(iter(shaded({"noon": LEVELS["noon"]}, 1, first=5000).values())))
    asked = (SLIMLINE, "predict", "new.png", "--model", "device", "--trusted-keys", keys)
    said = run(line.service.environment, tmp_path, *asked)
    assert "noon" in said.stdout, said.stderr
    line.note(f"the device: {fetched.stdout.strip()}; {said.stdout.strip()}")
    (move,) = line.service.json("audit")
    assert move["reason"] == "looked at fifty of them"


def test_the_clock_begins_a_run_that_has_nothing_to_do(line: Line, released: FlowRun) -> None:
    line.service.switch("retrain", active=True)
    line.note("the schedule `* * * * *` of retrain is switched on")
    begun = line.service.wait_for_run("retrain", lambda run: run["auto_scheduled"] and run["start_time"] is not None)
    line.service.switch("retrain", active=False)
    assert line.end_of(begun)["state_name"] == "Nothing to do"
    assert len(line.told("released")) == 1


def test_a_batch_that_cannot_be_used_is_refused_and_told_of_once(line: Line, released: FlowRun) -> None:
    told, known = len(line.told("data_changed")), line.begun_by_data()
    bad = {f"noon/{number}.png": picture(number)[:60] for number in range(9000, 9010)}
    done = line.put(bad)
    line.note(f"{len(bad)} damaged images were dropped")
    ended = line.end_of(line.wait_for_run_on(done, known))
    assert ended["state_type"] == "FAILED"
    line.wait_until_told("data_changed", told + 1)
    assert line.wait_until_told("run_failed")["sentence"] in ended["state"]["message"]
    refused = line.service.wait_for_run("watch", lambda run: run["state_name"] == "Refused")
    line.note(f"the watch ends as Refused: {refused['state']['message']}")
    assert line.begun_by_data() == {*known, ended["id"]}, "another run has begun on it"
    assert line.service.json("status")["released"]["version"] == 1


def test_a_source_of_which_much_is_gone_waits_for_a_person(line: Line, released: FlowRun) -> None:
    before = line.begun_by_data()
    client = connect()
    listed = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET, Prefix=BATCHES)["Contents"]]
    gone = [key for key in listed if "/dusk/" in key][: EACH // 2] + [key for key in listed if "/9" in key]
    for key in gone:
        client.delete_object(Bucket=BUCKET, Key=key)
    line.note(f"{len(gone)} images are gone")
    waits = line.service.wait_for_run("watch", lambda run: run["state_name"] == "AwaitingConsent")
    line.note(f"the watch ends as AwaitingConsent: {waits['state']['message']}")
    message = line.wait_until_told("data_waits")
    waiting = line.service.json("status")["waiting_data"]
    assert waiting["digest"][:12] in str(message["details"])
    assert line.begun_by_data() == before
