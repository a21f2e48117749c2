"""Approving and rejecting what waits in staging."""

import contextlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.approvals import approving
from tasks.deployment.approvals.approving import approve, finish, reject, review_sentence
from tasks.deployment.approvals.sweeping import sweep
from tasks.deployment.approvals.waiting import Terms, expire, find_waiting
from tasks.deployment.records import MANIFEST
from tasks.deployment.registry import current, release_key
from tasks.deployment.releases.channels import Why, trail
from tasks.deployment.releases.promotion import Registry, promote, registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.reviews.stored import review_key, reviews
from tasks.deployment.stores.protocol import Store
from tasks.errors import ConfigError, NotApproved, NotStaged, ReleaseError, Untrusted
from tasks.evaluation.records import GATE, GateReport
from tasks.records import read_record, write_record
from tests.tasks.deployment.killing import die_at_flush, killed
from tests.tasks.deployment.project import params_for, write_project

ANN = Terms(Why("looked at", "ann"), "a terminal on desk", 3)
BOB = Terms(Why("too dark", "bob"), "a terminal on shop", 3)
NOW = datetime.now(UTC)
LATE = NOW + timedelta(days=4)  # tests begin some time after this module was read


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose release 1 is in production, and release 2 in staging, where it waits for a person."""
    folder = tmp_path_factory.mktemp("waiting")
    (folder / "project").mkdir()
    with contextlib.chdir(folder / "project"):
        params = params_for(f"file://{folder / 'store'}")
        write_project(params)
        publish(params)
        asked = with_approval(params, "required")
        write_project(asked, 3)
        publish(asked)
    return folder


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """The quick store: what a conditional write is to a store is in the tests of stores."""
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def waiting(template: Path, tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A copy of the template, to work in."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "project")
    return with_approval(params_for(store_url), "required")


@pytest.fixture
def registry(waiting: Params) -> Registry:
    return registry_of(waiting.deployment)


def with_approval(params: Params, approval: str) -> Params:
    return params.model_copy(update={"deployment": params.deployment.model_copy(update={"approval": approval})})


def production(registry: Registry) -> int | None:
    pointer = current(registry.store, registry.model, "production")
    return pointer.version if pointer else None


def test_an_approval_moves_production_and_says_who_why_and_from_where(registry: Registry) -> None:
    assert find_waiting(registry)
    made = approve(registry, 2, ANN, NOW)
    assert (made.is_new, made.has_moved, production(registry)) == (True, True, 2)
    move = next(trail(registry.store, "shades", "production"))
    assert (move.moved_by, move.reason) == ("ann (a terminal on desk)", "looked at")
    (review,) = reviews(registry.store, "shades", "staging")
    assert (review.decision, review.by, review.origin, review.version) == ("approved", "ann", "a terminal on desk", 2)
    assert find_waiting(registry) is None


def test_a_second_answer_changes_nothing_and_says_so(registry: Registry) -> None:
    approve(registry, 2, ANN, NOW)
    again = approve(registry, 2, BOB, NOW)
    assert (again.is_new, again.has_moved) == (False, False)
    assert "is production already. Nothing is written again: ann has approved" in review_sentence(registry, 2, again)
    with pytest.raises(NotApproved, match=r"ann has approved it.*slimline rollback"):
        reject(registry, 2, BOB, NOW)
    assert len(list(trail(registry.store, "shades", "production"))) == 2


def test_a_rejection_is_final_until_the_release_is_put_into_staging_once_more(registry: Registry) -> None:
    assert reject(registry, 2, BOB, NOW).is_new
    again = reject(registry, 2, ANN, NOW)
    assert not again.is_new
    assert "stays in staging. Nothing is written again: bob has rejected it" in review_sentence(registry, 2, again)
    for try_it in (
        partial(approve, registry, 2, ANN, NOW),
        partial(promote, registry, 2, "production", ANN.why),
    ):
        with pytest.raises(NotApproved, match=r"bob has rejected it.*slimline promote 2 --channel staging"):
            try_it()
    assert production(registry) == 1
    promote(registry, 2, "staging", Why("look again", "bob"))
    assert find_waiting(registry)
    assert approve(registry, 2, ANN, NOW).has_moved


def test_only_what_is_in_staging_now_can_be_answered(waiting: Params, registry: Registry) -> None:
    write_project(waiting, 4)
    publish(waiting)
    for give in (approve, reject):
        with pytest.raises(NotStaged, match=r"release 2 of shades in staging.*Received: release 3"):
            give(registry, 2, ANN, NOW)
    assert approve(registry, 3, ANN, NOW).has_moved


def test_nothing_goes_around_a_person(registry: Registry) -> None:
    for channel in ("production", "beta"):
        with pytest.raises(NotApproved, match=r"Received: none\. Look at it, then `slimline approve shades@2"):
            promote(registry, 2, channel, ANN.why)
    promote(registry, 1, "staging", ANN.why)
    assert promote(registry, 1, "production", ANN.why).version == 1  # where it was before


def test_what_waits_too_long_counts_as_rejected_before_and_after_the_sweep(waiting: Params, registry: Registry) -> None:
    assert expire(registry, 3, NOW) is None
    with pytest.raises(NotApproved, match=r"within 3 days.*counts as rejected"):
        approve(registry, 2, ANN, LATE)
    (review,) = reviews(registry.store, "shades", "staging")
    assert (review.decision, review.by, review.expired) == ("rejected", "slimline", True)
    assert sweep(waiting.deployment, LATE).sentences("shades") == []
    with pytest.raises(NotApproved, match="Nobody has approved it within 3 days"):
        approve(registry, 2, ANN, NOW)


def test_the_sweep_rejects_once_and_says_so(waiting: Params, registry: Registry) -> None:
    assert sweep(waiting.deployment, NOW).expired is None
    (said,) = sweep(waiting.deployment, LATE).sentences("shades")
    assert said.startswith("shades 2 is rejected: Nobody has approved it within 3 days")
    assert sweep(waiting.deployment, LATE).expired is None
    assert production(registry) == 1


def test_a_rejection_after_the_time_limit_is_that_of_the_limit(registry: Registry) -> None:
    made = reject(registry, 2, BOB, LATE)
    assert made.review
    assert (made.is_new, made.review.expired) == (False, True)


@pytest.fixture
def broken_off(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANN has approved, and her call ended before the move; where it is really killed is in the long tests."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(approving, "promote", end)
        with pytest.raises(KeyboardInterrupt):
            approve(registry, 2, ANN, NOW)


@pytest.mark.usefixtures("broken_off")
@pytest.mark.parametrize("by", ["approve", "sweep", "finish"])
def test_an_approval_that_broke_off_before_the_move_is_finished_by_whoever_comes_next(
    waiting: Params, registry: Registry, by: str
) -> None:
    assert production(registry) == 1
    assert find_waiting(registry) is None
    with pytest.raises(NotApproved, match="ann has approved"):
        reject(registry, 2, BOB, NOW)
    match by:
        case "approve":
            made = approve(registry, 2, BOB, LATE)
            assert (made.is_new, made.has_moved) == (False, True)
        case "sweep":
            (said,) = sweep(waiting.deployment, LATE).sentences("shades")
            assert "ann (a terminal on desk) has approved, is released now: looked at" in said
        case _:
            assert finish(registry)
    assert production(registry) == 2
    assert next(trail(registry.store, "shades", "production")).moved_by == "ann (a terminal on desk)"
    assert finish(registry) is None


@pytest.mark.usefixtures("broken_off")
def test_an_approval_is_for_the_channel_that_the_release_waited_for(waiting: Params) -> None:
    elsewhere = replace(registry_of(waiting.deployment), served="afresh")
    assert finish(elsewhere) is None
    with pytest.raises(NotApproved, match=r"approval for afresh\. Received: one for production"):
        approve(elsewhere, 2, ANN, NOW)
    assert promote(elsewhere, 2, "afresh", ANN.why).version == 2


def die_while_approving(params: Params, flush: int) -> None:
    die_at_flush(flush)
    approve(registry_of(params.deployment), 2, ANN, NOW)


@pytest.mark.slow
@pytest.mark.parametrize("flush", range(17))
def test_an_approval_that_was_killed_anywhere_is_given_by_the_next_call_once(
    waiting: Params, registry: Registry, flush: int
) -> None:
    assert killed(partial(die_while_approving, waiting, flush))
    made = approve(registry, 2, BOB, NOW)
    (review,) = reviews(registry.store, "shades", "staging")
    assert production(registry) == 2
    assert [move.version for move in trail(registry.store, "shades", "production")] == [2, 1]
    assert made.review == review
    assert (review.by == "ann") != made.is_new  # else it was killed before it was written, and is BOB's


def test_nothing_is_finished_after_somebody_else_has_moved_the_channel(registry: Registry) -> None:
    approve(registry, 2, ANN, NOW)
    rollback(registry, "production", Why("false alarms", "bob"))
    assert finish(registry) is None
    with pytest.raises(NotApproved, match="was taken back"):
        approve(registry, 2, ANN, NOW)
    assert production(registry) == 1
    assert promote(registry, 2, "production", ANN.why).version == 2  # it was approved


def test_of_several_who_answer_at_once_the_first_counts_for_all(waiting: Params) -> None:
    begin = threading.Barrier(6)

    def answer(number: int) -> bool | None:
        give, terms = ((approve, ANN), (reject, BOB))[number % 2]
        registry = registry_of(waiting.deployment)
        begin.wait()
        try:
            return give(registry, 2, terms, NOW).is_new
        except NotApproved:
            return None

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(answer, range(6)))
    assert said.count(True) == 1
    registry = registry_of(waiting.deployment)
    (review,) = reviews(registry.store, "shades", "staging")
    finish(registry)
    assert production(registry) == (2 if review.decision == "approved" else 1)
    assert len(list(trail(registry.store, "shades", "production"))) == production(registry)


def test_a_manifest_that_was_changed_is_neither_approved_nor_rejected(registry: Registry, store: Store) -> None:
    first = store.get(release_key("shades", 1, MANIFEST)).content
    store.put(release_key("shades", 2, MANIFEST), first)
    for give in (approve, reject):
        with pytest.raises(ReleaseError, match="to have a manifest with the SHA-256"):
            give(registry, 2, ANN, NOW)
    store.put(release_key("shades", 2, MANIFEST), b"{}")
    with pytest.raises(Untrusted):
        approve(registry, 2, ANN, NOW)
    assert reviews(store, "shades", "staging") == []


def test_a_review_of_another_release_is_none(registry: Registry, store: Store) -> None:
    reject(registry, 2, BOB, NOW)
    key = review_key("shades", "staging", 2)
    other = {**json.loads(store.get(key).content), "version": 1}
    store.put(key, json.dumps(other).encode())
    with pytest.raises(ReleaseError, match=r"to be about release 2\. Received: a review of release 1"):
        approve(registry, 2, ANN, NOW)


def test_what_the_gate_could_not_decide_goes_nowhere_by_itself(project: Params, store: Store) -> None:
    asked = with_approval(project, "when_inconclusive")
    write_project(asked, outcome="INCONCLUSIVE")
    write_record(GATE, read_record(GATE, GateReport).model_copy(update={"promising": False}))
    assert publish(asked).channels == ("staging",)
    for approval in ("none", "required"):
        registry = registry_of(with_approval(project, approval).deployment)
        with pytest.raises(NotApproved, match="a person's approval"):
            promote(registry, 1, "production", ANN.why)
        with pytest.raises(NotApproved, match="when_inconclusive a person may release"):
            approve(registry, 1, ANN, NOW)
    assert approve(registry_of(asked.deployment), 1, ANN, NOW).has_moved


def test_where_nothing_waits_an_approval_says_so(project: Params) -> None:
    publish(project)
    registry = registry_of(project.deployment)
    made = approve(registry, 1, ANN, NOW)
    assert (made.review, made.has_moved) == (None, False)
    assert review_sentence(registry, 1, made) == "shades 1 is production already: there is nothing to approve."
    with pytest.raises(NotApproved, match="production points to it already"):
        reject(registry, 1, ANN, NOW)
    straight = project.deployment.model_copy(update={"staging": None})
    with pytest.raises(ConfigError, match="staging is null"):
        approve(registry_of(straight), 1, ANN, NOW)
