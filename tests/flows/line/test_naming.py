"""Names and tags of runs, as Prefect's pages have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.runtime import flow_run, task_run
from prefect.states import Completed

from flows.line import naming
from flows.line.naming import first_name, name_run, named, tag_outcome
from flows.line.retrying import asks_outside
from tasks.causes import HAND

DIGEST = "ab" * 32
Run = Callable[..., FlowRun]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((Path(__file__).parents[3] / "params.yaml").read_text(encoding="utf-8"))


def run_of(state: State[Any]) -> FlowRun:
    """The run as the server has it now."""
    assert state.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        return client.read_flow_run(state.state_details.flow_run_id)


@pytest.mark.usefixtures("prefect_server", "project")
def test_a_run_is_named_and_tagged_when_it_begins_and_when_its_data_is_known() -> None:
    before: list[str] = []

    @flow(flow_run_name=first_name, on_completion=[tag_outcome], validate_parameters=False)
    def line(cause: object = None) -> State[None]:
        with get_client(sync_client=True) as client:
            before.append(client.read_flow_run(UUID(flow_run.id)).name)
        name_run("digits", HAND, DIGEST)
        return Completed(name="Held back")

    ended = run_of(line(return_state=True))
    assert before == ["digits, by hand"]
    assert ended.name == "digits, by hand, data abababababab"
    assert set(ended.tags) == {"model:digits", "cause:hand", "outcome:Held back"}


@pytest.mark.usefixtures("prefect_server", "project")
def test_a_run_that_an_event_began_has_its_data_in_its_first_name() -> None:
    @flow(flow_run_name=first_name, validate_parameters=False)
    def line(cause: object = None) -> None:
        """Do nothing."""

    ended = run_of(line({"data": DIGEST, "sentence": "2 files added."}, return_state=True))
    assert ended.name == "digits, data changed, data abababababab"


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("text", [None, "data: ["])
def test_a_project_that_says_no_model_has_a_name_all_the_same(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text:
        Path("params.yaml").write_text(text)

    @flow(flow_run_name=first_name, validate_parameters=False)
    def line(cause: object = None) -> None:
        """Do nothing."""

    assert run_of(line(return_state=True)).name == "slimline, by hand"


@pytest.mark.usefixtures("prefect_server", "project")
def test_an_operation_is_named_by_what_it_was_asked_for_and_that_is_text() -> None:
    @flow(flow_run_name=named(lambda given: f"reproduce {given['release']}"))
    def line(release: str) -> None:
        """Do nothing."""

    assert run_of(line("digits@7", return_state=True)).name == "digits, reproduce digits@7"
    assert run_of(line("\x1b[2J" + "x" * 500, return_state=True)).name == f"digits, reproduce \\x1b[2J{'x' * 83}"


def test_a_server_that_does_not_answer_fails_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise httpx.ConnectError("no answer")

    monkeypatch.setattr(naming, "get_client", refuse)
    run = FlowRun(flow_id="0" * 8 + "-0000-0000-0000-" + "0" * 12)
    tag_outcome(None, run, Completed(name="Released"))


@pytest.mark.usefixtures("prefect_server")
def test_the_run_of_a_task_has_the_name_of_the_task() -> None:
    seen: list[str] = []

    @asks_outside
    def decide() -> None:
        seen.append(str(task_run.name))

    @flow
    def line() -> None:
        decide()
        decide.with_options(name="staging")()

    line()
    assert seen == ["decide", "staging"]
