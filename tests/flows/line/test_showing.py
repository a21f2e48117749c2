"""A run shows its results at its end; that they cannot be shown fails no run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.line import past_runs, showing
from flows.line.concluding import RunResult
from flows.line.past_runs import history_markdown, keep_history
from flows.line.showing import show_end, show_waiting
from tasks.causes import HAND
from tasks.config import Params
from tasks.deployment.registry import Odd
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.errors import StoreUnavailable
from tasks.evaluation.gate import choose
from tasks.evaluation.results import Results
from tasks.history.joining import read_history
from tests.flows.line.test_artifacts import rendered
from tests.tasks.deployment.project import params_for
from tests.tasks.evaluation.material import make_results
from tests.tasks.history.material import release, run_record, write_listing
from tests.tasks.history.test_tables import lines
from tests.tasks.hostile import NASTY

Said = list[tuple[Any, ...]]
RESULT = RunResult("Held back", "It is not good enough.", None)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """The lines that were told and shown, in their order."""
    told: Said = []

    def noted(*arguments: object, **named: object) -> None:
        told.append((*arguments, *named.values()))

    monkeypatch.setattr(past_runs, "tell", noted)
    monkeypatch.setattr(showing, "tell", noted)
    monkeypatch.setattr(showing, "show_question", noted)
    monkeypatch.setattr(past_runs, "create_markdown_artifact", noted)
    return told


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    write_listing()
    return params_for(f"file://{tmp_path / 'store'}")


@pytest.fixture
def registry(params: Params) -> Registry:
    return registry_of(params.deployment)


@pytest.fixture
def results(params: Params) -> Results:
    fares = {"baseline": (900, 900, 620_000, 95.0), "int8": (901, 899, 162_000, 34.0)}
    made = make_results([{"metric": "accuracy", "margin": 0.03}], fares)
    return replace(made, gate=choose(made).model_copy(update={"model_sha256": "c" * 64}))


def test_a_release_that_waits_is_shown_with_what_answers(said: Said) -> None:
    show_waiting("shades", RunResult("AwaitingApproval", "It waits.", release(7, "a" * 64)))
    ((sentence, commands, deployment),) = said
    assert (sentence, deployment) == ("It waits.", "approve")
    assert commands == ["slimline approve shades@7 --reason …", "slimline reject shades@7 --reason …"]


def test_data_that_waits_is_shown_with_what_answers(said: Said) -> None:
    show_waiting("shades", RunResult("AwaitingConsent", "A class is new.", None, waits="ab" * 32))
    ((_, (approve, _), deployment),) = said
    assert (approve, deployment) == ("slimline approve shades --data abababababab --reason …", "approve-data")


def test_where_nothing_waits_nothing_is_asked(said: Said) -> None:
    show_waiting("shades", RESULT)
    show_waiting("shades", RunResult("Released", "It passed.", release(7, "a" * 64)))
    assert said == []


def test_a_run_leaves_its_line_and_the_page_of_all(
    params: Params, registry: Registry, results: Results, said: Said
) -> None:
    keep_history(params, registry, results, RESULT, HAND)
    keep_history(params, registry, results, RESULT, HAND)
    (line,) = read_history(registry.store, "shades")[0]
    assert (line.ending, line.recipe, line.cause) == ("Held back", "int8", "somebody ran it by hand")
    assert [key for _, key, _ in said] == ["history-shades"] * 2
    assert "Held back" in said[0][0]


def silent(*_: object) -> None:
    raise StoreUnavailable("Expected an answer. Received: none.")


def gone(*_: object) -> None:
    raise httpx.ConnectError("no answer")


def test_a_store_that_does_not_answer_fails_no_run_and_the_next_one_makes_up_for_it(
    params: Params, registry: Registry, results: Results, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(past_runs, "note_run", silent)
        keep_history(params, registry, results, RESULT, HAND)
    assert said == [("history", "Expected an answer. Received: none.")]
    keep_history(params, registry, results, RESULT, HAND)
    assert len(read_history(registry.store, "shades")[0]) == 1


def test_a_server_that_takes_no_artifact_fails_no_run_and_the_history_is_kept(
    params: Params, registry: Registry, results: Results, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse: Callable[..., None] = gone
    monkeypatch.setattr(showing, "show_results", refuse)
    monkeypatch.setattr(past_runs, "create_markdown_artifact", lambda **_: gone())
    show_end(params, registry, results, RESULT, HAND)
    assert [topic for topic, _ in said] == ["pages", "pages"]
    assert len(read_history(registry.store, "shades")[0]) == 1


@pytest.mark.parametrize("text", NASTY)
def test_the_page_of_the_history_shows_text(text: str) -> None:
    nasty = [lines()[0].model_copy(update={"cause": text, "recipe": text, "ending": text})]
    page = history_markdown("shades", nasty, (Odd(text, "It is odd."),))
    html = rendered(page)
    assert html.count("<tr>") == 2
    assert not any(tag in html for tag in ("<script", "<a ", "<strong", "<h1", "<h2", "<blockquote"))
    assert html.count("<img ") == 1
    assert run_record().cause not in html
