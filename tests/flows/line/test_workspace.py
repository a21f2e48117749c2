from pathlib import Path

import pytest

from flows.line import workspace
from flows.line.workspace import Busy, exclusive_run, is_held


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(not workspace.LOCKS.exists(), reason="the kernel lists no locks")
def test_a_folder_is_held_while_a_run_is_at_work() -> None:
    assert not is_held()
    with exclusive_run():
        assert is_held()
        with pytest.raises(Busy), exclusive_run():
            pass
    assert not is_held()


def test_where_no_locks_are_listed_nobody_is_said_to_hold_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workspace, "LOCKS", tmp_path / "none")
    with exclusive_run():
        assert not is_held()
