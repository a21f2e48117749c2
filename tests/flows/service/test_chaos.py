"""Kills at random moments while the service is at work: of runs, of what keeps them up, and of the approval afterwards.

How many and which: see :mod:`tests.flows.chaos`.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from tasks.versioning.params_file import set_params
from tests.flows.chaos import RUNS, SEED, Kill, Project, disturb, kill_one, turn
from tests.flows.short_project import short_project
from tests.postgres import Postgres, missing, postgres
from tests.receivers import Receiver, receiving
from tests.service import FINAL, PAUSE, FlowRun, Service, service

pytestmark = (
    pytest.mark.slow
)  # each disturbed run is a run, and one more, and minutes until a dead worker counts as dead
KINDS = ("flow", "stage", "dvc", "worker", "server", "keeper", "connections", "database")
OF_APPROVAL = ("flow", "worker", "server", "keeper", "connections", "database", "nobody")
CHANGES = (
    "deployment.approval=required",
    "gate.rules.0.margin=0.2",
    "gate.rules.2.max_ratio=100.0",
    "benchmark={processes: 2, rounds: 10, seconds: 5}",
    "notify.targets={board: {kind: webhook, url_env: BOARD_URL, per_hour: 1000}}",
    *(f"notify.{kind}=[board]" for kind in ("run_failed", "held_back", "approval_wanted", "released")),
)
APPROVAL_SECONDS = 15.0  # that an approval takes
TOLD_SECONDS = 120.0  # within which people are told of a run whose process died


@dataclass(frozen=True)
class Tried:
    """A project whose service is up; ``undisturbed``: digests of what a run makes; ``seconds``: that it takes."""

    project: Project
    service: Service
    database: Postgres
    board: Receiver
    undisturbed: dict[str, str]
    seconds: float

    def kills(self, kind: str, dice: random.Random) -> Kill:
        """Return what kills a process of a kind, or the database's connections, or the database for a while."""
        if kind in ("connections", "database"):
            return partial(self.cut, kind)

        def kill() -> bool:
            children = self.service.children()
            if kind in ("worker", "server", "keeper"):
                return kill_one([children[kind]] if kind in children else [], dice)
            if kind == "flow":
                worker = children.get("worker")
                return kill_one(worker.children() if worker else [], dice)
            return kill_one(self.project.running({"stage": " -m tasks.", "dvc": "dvc.attached"}[kind]), dice)

        return kill

    def cut(self, kind: str) -> bool:
        if kind == "connections":
            self.database.disconnect()
        else:
            self.database.stop()
            time.sleep(5)  # it is away for so long
            self.database.start()
        return True

    def state(self, flow: str, run_id: str) -> FlowRun | None:
        """Return a run; None while the server does not say."""
        with contextlib.suppress(httpx.HTTPError):
            return next((run for run in self.service.runs(flow) if run["id"] == run_id), None)
        return None

    def run(self, deployment: str, flow: str, kill: Kill, moment: float, **parameters: object) -> FlowRun:
        """Start a run, kill at a moment, wait for its end."""
        asked = self.service.start(deployment, **parameters)
        looked, ended = 0.0, False

        def has_ended() -> bool:
            nonlocal looked, ended
            if time.monotonic() - looked > PAUSE:
                looked, state = time.monotonic(), self.state(flow, asked)
                ended = state is not None and state["state_type"] in FINAL
            return ended

        disturb(kill, moment, has_ended)
        self.service.wait_until_ready()
        return self.service.wait_for_end(flow, asked)

    def expect_tidy(self) -> None:
        """Fail if a process is left that is none of the service's."""
        children = self.service.children()
        kept = {self.service.process.pid, *(child.pid for child in children.values())}
        self.project.expect_nobody(kept)

    def posts(self, event: str, since: int) -> list[dict[str, Any]]:
        return [post.json for post in self.board.posts[since:] if post.json["event"] == event]

    def wait_until_told(self, event: str, since: int, count: int) -> None:
        """Wait until people are told so often, unless nobody knows whether a message arrived."""
        deadline = time.monotonic() + TOLD_SECONDS
        while len(self.posts(event, since)) < count:
            assert time.monotonic() < deadline, (
                f"{event}: {self.posts(event, since)}\n{self.service.slimline('notify')}"
            )
            time.sleep(PAUSE)


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("chaos") / "demo"
    environment = short_project(folder)
    set_params(CHANGES, folder / "params.yaml")
    with postgres() as database, receiving() as board:
        given = {**environment, "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url, "BOARD_URL": board.url}
        project = Project(folder, environment)
        with service(folder, given) as up:
            begun = time.monotonic()
            ended = up.wait_for_end("retrain", up.start("retrain"))
            assert ended["state_name"] == "AwaitingApproval", ended["state"]
            yield Tried(project, up, database, board, project.digests(), time.monotonic() - begun)


@pytest.mark.parametrize("number", range(RUNS))
def test_a_disturbed_run_of_the_worker_ends_as_one_that_is_not_and_its_approval_counts(
    tried: Tried, number: int
) -> None:
    dice, kind, of_approval = random.Random(SEED * 1000 + number), turn(KINDS, number), turn(OF_APPROVAL, number)
    moment, later = dice.uniform(0.05, 0.95) * tried.seconds, dice.uniform(0, 1.2) * APPROVAL_SECONDS
    print(f"seed {SEED}, run {number}: {kind} after {moment:.0f} s; approval: {of_approval} after {later:.0f} s")
    tried.project.begin_anew()
    since = len(tried.board.posts)

    ended = [tried.run("retrain", "retrain", tried.kills(kind, dice), moment)]
    while ended[-1]["state_name"] != "AwaitingApproval" and len(ended) < 3:
        print(f"it ended as {ended[-1]['state_name']}: {ended[-1]['state']['message']}")
        ended.append(tried.run("retrain", "retrain", lambda: True, 0.0))
    assert ended[-1]["state_name"] == "AwaitingApproval", ended[-1]["state"]
    assert len(ended) <= 2, [each["state"] for each in ended]
    assert tried.project.digests() == tried.undisturbed
    tried.expect_tidy()
    assert tried.service.json("status")["waiting"]["version"] == 1

    kill = (lambda: True) if of_approval == "nobody" else tried.kills(of_approval, dice)
    answer = {"release": "demo@1", "decision": "approve", "name": "Ann", "reason": f"round {number}"}
    approved = tried.run("approve", "release.approve", kill, later, **answer)
    answers = list((tried.project.folder / ".slimline/store/models/demo/approvals").rglob("*.json"))
    if not answers:  # it was killed before it was given: whoever asks again gives it
        assert approved["state_type"] != "COMPLETED", approved["state"]
        again = tried.service.wait_for_end("release.approve", tried.service.start("approve", **answer))
        assert again["state_name"] == "Approved", again["state"]
    expect_released(tried)
    tried.expect_tidy()

    failed = [run for run in (*ended, approved) if run["state_type"] in {"FAILED", "CRASHED"}]
    for event, count in (("approval_wanted", 1), ("released", 1), ("run_failed", len(failed))):
        tried.wait_until_told(event, since, count)
    assert max(Counter(post.json["id"] for post in tried.board.posts).values()) == 1
    assert {event: len(tried.posts(event, since)) for event in ("approval_wanted", "released", "run_failed")} == {
        "approval_wanted": 1,
        "released": 1,
        "run_failed": len(failed),
    }
    assert tried.service.json("status")["runs"] == []


def expect_released(tried: Tried) -> None:
    """Wait until production points to what was approved: nobody has to ask again."""
    deadline = time.monotonic() + TOLD_SECONDS
    while not (released := tried.service.json("status")["released"]):
        assert time.monotonic() < deadline, tried.service.slimline("audit")
        time.sleep(PAUSE)
    assert released["version"] == 1
    (move,) = tried.service.json("audit")
    assert move["moved_by"].startswith("Ann")
