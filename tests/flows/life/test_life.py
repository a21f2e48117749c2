"""A day of a line in fast motion: data change and go bad, the server dies, and all happens as the rules say.

Server, keeper, deployments, automation, watch, flows, gate, ledger and store are real. Most runs have fake stages in
place of training (:mod:`tests.flows.life.fake_stages`). ``SLIMLINE_LIFE`` says how many changes there are, and
``SLIMLINE_LIFE_SEED`` where the dice begin. A fifth of the changes is bad, a fifth of the runs real; the server dies
at a tenth of them.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Pending
from prefect.utilities.engine import propose_state_sync
from ruamel.yaml import YAML

from flows.environment import HEARTBEAT_SECONDS
from flows.line.notices import send_due
from flows.line.retrain import retrain_flow
from flows.operations.watching import watch_flow
from flows.service.commands import POOL, client_environment
from flows.service.deploying import make_deployments
from tests.flows.life.changes import Change, bring, changes
from tests.flows.life.fake_stages import OUTS
from tests.flows.life.rules import Outcome, Rules
from tests.flows.short_project import new_project
from tests.receivers import Receiver, receiving
from tests.service import PAUSE, SECONDS, Service, service

pytestmark = pytest.mark.slow  # half an hour for fifty changes
COUNT = int(os.environ.get("SLIMLINE_LIFE", "50"))
SEED = int(os.environ.get("SLIMLINE_LIFE_SEED", "1"))
REPOSITORY = Path(__file__).parents[3]
TOLD = ("run_failed", "held_back", "released", "rolled_back", "data_changed", "data_waits")
CHANGES = (
    "data.source=shades",
    "deployment.model=shades",
    "training.model=network:build",
    "training.epochs=20",
    "training.batch_size=16",
    "training.learning_rate=0.05",
    "teachers={}",
    "recipes={float32: [{technique: quantize, mode: float16}]}",
    "gate.rules=[{metric: accuracy, margin: 0.2, versus: [baseline, production]}, {metric: stored_bytes, max: 100000}]",
    "benchmark={processes: 2, rounds: 10, seconds: 5}",
    "watch.quiet=1",
    "versioning.push=false",
    "notify.targets={board: {kind: webhook, url_env: BOARD_URL, per_hour: 1000}}",
    *(f"notify.{kind}=[board]" for kind in TOLD),
)
NETWORK = """
from tasks.backend import keras

def build(shape, classes, dropout):
    layers = keras().layers
    stack = [keras().Input(shape=shape, name="image"), layers.Rescaling(1 / 255), layers.Flatten()]
    return keras().Sequential([*stack, layers.Dense(classes, name="logits")])
"""
KEPT = ("code", "fingerprint", "load", "production", "drift")  # stages that are never faked
Moment = str | None  # of a change at which the server dies
MOMENTS = ("before", "after the event", "in the run")


@dataclass
class Day:
    """A project whose server is up, and who is told. ``graphs``: dvc.yaml with fake and with real stages."""

    service: Service
    board: Receiver
    graphs: dict[bool, str]
    told: list[str] = field(default_factory=list)

    def use(self, is_real: bool) -> None:
        (self.service.project / "dvc.yaml").write_text(self.graphs[is_real])

    def kill_server(self) -> None:
        """Kill the server; the service starts it again."""
        self.service.children()["server"].kill()
        self.service.wait_for("The server has ended; it is started again.")
        self.service.wait_until_ready()

    def kill_server_in_the_run(self) -> threading.Thread:
        """Kill the server once a stage is at work, in a thread."""

        def wait_and_kill() -> None:
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                if any("dvc.attached" in " ".join(_command(child)) for child in psutil.Process().children()):
                    return self.kill_server()
                time.sleep(0.02)  # nobody tells of a stage's start
            return None

        thread = threading.Thread(target=wait_and_kill)
        thread.start()
        return thread

    def look(self) -> str:
        """Let the watch look once; gives what it ends as."""
        state: State[Any] = watch_flow(return_state=True)
        assert state.is_completed(), state
        return str(state.name)

    def work(self) -> str | None:
        """Carry out a run that is due, as a worker does, in this process; gives what it ends as, None without one."""
        soon = datetime.now(UTC) + timedelta(seconds=10)
        with get_client(sync_client=True) as client:
            due = client.get_scheduled_flow_runs_for_work_pool(POOL, scheduled_before=soon)
            runs = [each.flow_run for each in due]
            if not runs:
                return None
            (run,) = runs
            pending = propose_state_sync(client, Pending(), flow_run_id=run.id)
            assert pending.is_pending(), pending
            run = client.read_flow_run(run.id)
        run_flow(retrain_flow, flow_run=run, return_type="state")
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(run.id).state
        assert state is not None
        return str(state.name)

    def run_after(self, seen: str) -> str:
        """Carry out the run that the watch's event starts; where the event was lost the watch sees the change again."""
        deadline = time.monotonic() + SECONDS
        asked = time.monotonic()
        while (ended := self.work()) is None:
            assert time.monotonic() < deadline, seen
            if time.monotonic() - asked > 30:
                asked, again = time.monotonic(), self.look()
                assert again in {"Changed", "UnderWay"}
            time.sleep(PAUSE)
        return ended

    def answer(self, answer: str) -> None:
        digest = self.service.json("status")["waiting_data"]["digest"]
        self.service.slimline(answer, "shades", "--data", digest, "--reason", "looked at it")

    def expect_told(self, events: tuple[str, ...]) -> None:
        """Wait until people were told of these events, and fail if it was of others."""
        self.told += events
        deadline = time.monotonic() + SECONDS
        while len(self.board.posts) < len(self.told) and time.monotonic() < deadline:
            time.sleep(PAUSE)  # the keeper sends what nobody else has sent
        assert Counter(post.json["event"] for post in self.board.posts) == Counter(self.told)


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def fake_graph(real: str) -> str:
    """Return a dvc.yaml in which one stage does what train, compress, evaluate, benchmark and gate do."""
    graph = YAML(typ="safe").load(real)
    stages = {name: graph["stages"][name] for name in KEPT}
    needs = ["data/prepared", "models/production"]
    stages["fake"] = {"cmd": "python -P -m tests.flows.life.fake_stages", "deps": needs, "outs": OUTS}
    path = Path("made.yaml")
    YAML().dump({"stages": stages}, path)
    return path.read_text()


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    project = tmp_path / "shades"
    environment = new_project(project, *CHANGES)
    (project / "network.py").write_text(NETWORK)
    monkeypatch.chdir(project)
    real = (project / "dvc.yaml").read_text()
    graphs = {True: real, False: fake_graph(real)}
    (project / "shades").mkdir()
    with ExitStack() as stack:
        board = stack.enter_context(receiving())
        for name, value in {**environment, "BOARD_URL": board.url, "PYTHONPATH": str(REPOSITORY)}.items():
            monkeypatch.setenv(name, value)
        up = stack.enter_context(service(project, {**environment, "BOARD_URL": board.url}, "--server"))
        make_deployments(client_environment(os.environ, up.address))
        settings = {PREFECT_API_URL: f"{up.address}/api", PREFECT_FLOWS_HEARTBEAT_FREQUENCY: HEARTBEAT_SECONDS}
        stack.enter_context(temporary_settings(settings))
        send_due()  # nobody is told of what was before
        yield Day(up, board, graphs)


def test_a_day_goes_as_the_rules_say(day: Day) -> None:
    dice, rules, begun = random.Random(SEED), Rules(), time.monotonic()
    real = set(dice.sample(range(COUNT), k=COUNT // 5))
    deaths = {number: dice.choice(MOMENTS) for number in dice.sample(range(1, COUNT), k=COUNT // 10)}
    for number, change in enumerate(changes(COUNT, COUNT // 5, dice)):
        day.use(number in real)
        before, expected = time.monotonic(), rules.judge(change.facts)
        live(day, change, expected, deaths.get(number))
        words = f"{change.kind}, {'real' if number in real else 'fake'}, server dies {deaths.get(number, 'not')}"
        print(
            f"seed {SEED}, change {number}: {words}: {expected.run or expected.left}, {time.monotonic() - before:.0f} s"
        )
    print(f"{COUNT} changes, {rules.releases} releases, {len(day.told)} messages in {time.monotonic() - begun:.0f} s")
    send_due()
    day.expect_told(())
    assert len({post.json["id"] for post in day.board.posts}) == len(day.board.posts)
    released = day.service.json("releases")
    assert sorted(each["version"] for each in released) == list(range(1, rules.releases + 1))
    assert day.service.json("status")["released"]["version"] == rules.releases
    assert day.service.json("status")["runs"] == []


def live(day: Day, change: Change, expected: Outcome, death: Moment) -> None:
    """Let one change happen, and all that comes of it."""
    if death == "before":
        day.kill_server()
    bring(Path("shades"), change.files)
    assert day.look() == expected.seen, change.kind
    if change.facts.answer and expected.seen == "AwaitingConsent":
        day.answer(change.facts.answer)
    if expected.run is not None and expected.seen != "Changed":
        assert day.look() == "Changed"
    if death == "after the event":
        day.kill_server()
    if expected.run is not None:
        killing = day.kill_server_in_the_run() if death == "in the run" else None
        assert day.run_after(expected.seen) == expected.run, change.kind
        if killing:
            killing.join()
    elif death == "in the run":
        day.kill_server()
    day.expect_told(expected.told)
    assert day.look() == expected.left, change.kind
    assert day.work() is None, "another run was begun"
