"""Stages run as many at once as params.yaml says, whoever begins the run."""

import shutil
import threading
from pathlib import Path

import pytest
from prefect import flow, task
from ruamel.yaml import YAML

from flows.line.parallel import STAGE_RUNNER
from flows.line.retrain import retrain_flow
from flows.line.trying import try_flow

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many, as the params.yaml of the working folder has it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    yaml = YAML()
    params = yaml.load(Path("params.yaml"))
    params["flow"]["parallel"] = 2
    yaml.dump(params, Path("params.yaml"))
    return 2


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_runs_so_many_tasks_at_once_and_no_more(at_once: int) -> None:
    together, threads = threading.Barrier(at_once), set()

    @task
    def stage() -> None:
        threads.add(threading.get_ident())
        together.wait(60)

    @flow(task_runner=STAGE_RUNNER)
    def line() -> None:
        for future in [stage.submit() for _ in range(2 * at_once)]:
            future.result()

    line()
    assert len(threads) == at_once


def test_the_flows_that_run_stages_do_so_without_being_told() -> None:
    assert retrain_flow.task_runner is STAGE_RUNNER
    assert try_flow.task_runner is STAGE_RUNNER


def test_a_wrong_file_is_left_to_the_flow_to_tell_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert STAGE_RUNNER.duplicate() is not STAGE_RUNNER
