from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Running

from flows.line.reaper import close_dead_runs, project_tag


@flow
def line() -> None:
    pass


@pytest.mark.usefixtures("prefect_server")
def test_only_dead_runs_of_this_folder_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with get_client(sync_client=True) as client:
        alive, dead, other = (
            client.create_flow_run(line, tags=[tag], state=Running())
            for tag in (project_tag(), project_tag(), "project:/elsewhere")
        )
        assert close_dead_runs(str(alive.id)) == [str(dead.id)]
        names = []
        for run in (alive, dead, other):
            state = client.read_flow_run(run.id).state
            names.append(state.name if state else None)
    assert names == ["Running", "Crashed", "Running"]
