"""The progress of a stage on its page: shown now and then, and never what a stage fails for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from flows.line import progress
from flows.line.progress import EVERY, StagePage

Shown = list[tuple[float, str]]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """All that the server was asked to show, in its order."""
    said: Shown = []

    def create(percent: float, key: str, description: str) -> UUID:
        assert key == "progress-compress-int8"
        said.append((percent, description))
        return uuid4()

    class Client:
        def update_artifact(self, _: UUID, artifact: Any) -> None:
            said.append((artifact.data, artifact.description))

    @contextmanager
    def client(sync_client: bool) -> Iterator[Client]:
        assert sync_client
        yield Client()

    monkeypatch.setattr(progress, "create_progress_artifact", create)
    monkeypatch.setattr(progress, "get_client", client)
    return said


def test_a_short_stage_shows_nothing(shown: Shown, clock: Clock) -> None:
    page = StagePage("compress@int8", clock)
    for epoch in range(1, 5):
        clock.now += EVERY / 5
        page.see(f"epoch {epoch}/4")
    page.end("Ran")
    assert shown == []


def test_a_long_stage_shows_how_far_it_is_and_that_it_has_ended(shown: Shown, clock: Clock) -> None:
    page = StagePage("compress@int8", clock)
    for epoch in (1, 2):
        clock.now += EVERY
        page.see(f"epoch {epoch}/4  loss 0.5")
    page.end("Ran")
    assert [percent for percent, _ in shown] == [25, 50, 100]
    assert all(words in said for words, (_, said) in zip(("epoch 1/4", "epoch 2/4", "Ran"), shown, strict=True))


def test_however_fast_the_lines_come_the_server_is_asked_now_and_then(shown: Shown, clock: Clock) -> None:
    page = StagePage("compress@int8", clock)
    for epoch in range(1, 10_001):
        clock.now += 0.01
        page.see(f"epoch {epoch}/10000")
    assert len(shown) <= 100 / EVERY + 1


def test_a_line_is_text_on_the_page(shown: Shown, clock: Clock) -> None:
    page = StagePage("compress@int8", clock)
    clock.now += EVERY
    page.see("epoch 1/4 <script>x</script> [l](javascript:x)")
    ((_, description),) = shown
    assert "<script" not in description.replace("\\<script", "")
    assert "\\[l\\]" in description


def test_a_server_that_does_not_answer_fails_no_stage(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def refuse(*_: object, **__: object) -> UUID:
        raise httpx.ConnectError("no answer")

    monkeypatch.setattr(progress, "create_progress_artifact", refuse)
    page = StagePage("train", clock)
    clock.now += EVERY
    page.see("epoch 1/4")
    page.end("Ran")
