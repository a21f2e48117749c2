"""SIGKILL at random moments of publishing and of moving channels, over every store."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.registry import current
from tasks.deployment.releases.channels import Why, trail
from tasks.deployment.releases.promotion import promote, registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.smoke import smoke
from tests.tasks.deployment.killing import KILLS, kill_within, seconds_of
from tests.tasks.deployment.project import params_for, write_project

WHY = Why("chaos", "alice")
CHANNELS = ("staging", "production")


@pytest.fixture(params=["file", "s3", "radosgw"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (
        f"file://{tmp_path / 'store'}" if request.param == "file" else request.getfixturevalue(f"{request.param}_url")
    )


def check(params: Params) -> None:
    """Every channel resolves to a whole, verified release that works, and its trail has no gap."""
    registry = registry_of(params.deployment)
    for channel in CHANNELS:
        pointer = current(registry.store, registry.model, channel)
        if pointer is None:
            continue
        smoke(registry.store, registry.model, pointer.version, registry.trust, pointer.manifest_sha256)
        moves = list(trail(registry.store, registry.model, channel))
        assert [move.generation for move in moves] == list(range(len(moves), 0, -1))
        assert [move.previous for move in moves] == [*(move.version for move in moves[1:]), None]


def move_about(params: Params) -> None:
    """Staging to the other release, production after it, and both back again."""
    registry = registry_of(params.deployment)
    staged = current(registry.store, registry.model, "staging")
    assert staged
    promote(registry, 3 - staged.version, "staging", WHY)
    if promote(registry, None, "production", WHY).fallback:  # else earlier rollbacks have gone back to the first
        rollback(registry, "production", WHY)
    promote(registry, staged.version, "staging", WHY)


@pytest.mark.slow
def test_a_publisher_killed_at_random_leaves_whole_channels(project: Params, tmp_path: Path) -> None:
    publish(project)

    def prepare(turn: int) -> Callable[[], object]:
        write_project(project, bias=3 + turn)
        return partial(publish, project)

    longest = seconds_of(prepare(0))
    chance, died, turn, moved = random.Random(1), 0, 0, {"no channel": 0, "staging": 0, "both": 0}
    while died < KILLS:
        turn += 1
        work = prepare(turn)
        before = {channel: current(registry_of(project.deployment).store, "shades", channel) for channel in CHANNELS}
        if kill_within(work, chance.uniform(0, longest)):
            died += 1
            changed = [
                channel
                for channel, pointer in before.items()
                if current(registry_of(project.deployment).store, "shades", channel) != pointer
            ]
            assert changed in ([], ["staging"], ["staging", "production"])
            moved[("no channel", "staging", "both")[len(changed)]] += 1
        check(project)
        began = time.perf_counter()
        release = publish(project)
        longest = max(0.98 * longest, time.perf_counter() - began)  # as busy as the machine is now
        pointer = current(registry_of(project.deployment).store, "shades", "production")
        assert pointer
        assert pointer.version == release.version
        check(project)
    print(f"{project.deployment.store}: {died} kills of publish within {longest:.3f} s; moved before them: {moved}")
    assert moved["no channel"]
    assert moved["staging"]


@pytest.mark.slow
def test_moves_killed_at_random_leave_whole_channels(project: Params) -> None:
    for bias in (1, 2):
        write_project(project, bias)
        publish(project)
    longest = seconds_of(partial(move_about, project))
    chance, died = random.Random(2), 0
    while died < KILLS:
        died += kill_within(partial(move_about, project), chance.uniform(0, longest))
        check(project)
    registry = registry_of(project.deployment)
    promote(registry, 1, "staging", WHY)
    assert promote(registry, None, "production", WHY).version == 1
    check(project)
    generations = [len(list(trail(registry.store, "shades", channel))) for channel in CHANNELS]
    print(
        f"{project.deployment.store}: {died} kills of moves within {longest:.3f} s; moves on the trails: {generations}"
    )


def test_what_these_tests_do_works_when_nobody_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    for bias in (1, 2):
        write_project(params, bias)
        publish(params)
    move_about(params)
    check(params)
    registry = registry_of(params.deployment)
    assert [len(list(trail(registry.store, "shades", channel))) for channel in CHANNELS] == [4, 4]
