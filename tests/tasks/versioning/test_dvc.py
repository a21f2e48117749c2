from pathlib import Path

import pytest

from tasks.errors import VersioningError
from tasks.versioning.dvc import (
    ERROR,
    content_digest,
    exit_code,
    is_chatter,
    locked_outputs,
    needed_stages,
    progress_of,
    push,
    read_states,
    repro_command,
)
from tests.tasks.versioning.repository import LOOK, lines_of, make_repository

STAGES = """\
  make:
    cmd: cp seen.txt made.txt
    deps: [seen.txt]
    params: [size, kind]
    outs: [made.txt]
  end:
    cmd: python -c "raise SystemExit(65)"
    deps: [made.txt]
    outs: [ended.txt]
"""


def repro(project: Path, stage: str, anew: bool = False) -> list[str]:
    return lines_of(project, *repro_command(stage, anew))


def changes(project: Path, stage: str) -> set[tuple[str, str | None]]:
    (state,) = (state for state in read_states(project) if state.name == stage)
    return {(change.words, change.file) for change in state.changes}


def test_what_dvc_advises_is_told_on_one_line(tmp_path: Path) -> None:
    make_repository(tmp_path, "")
    with pytest.raises(VersioningError, match=r"Create a default remote with dvc remote add -d ") as refused:
        push(tmp_path)
    assert str(refused.value).isprintable()


def test_this_dvc_says_what_is_understood(tmp_path: Path) -> None:
    """One walk with the real DVC through all of its words that are read."""
    (tmp_path / "params.yaml").write_text("size: {width: 1, height: 2}\nkind: round\n")
    make_repository(tmp_path, STAGES)

    assert [(state.name, set(state.needs), state.always, state.ran) for state in read_states(tmp_path)] == [
        ("look", set(), True, False),
        ("make", {"look"}, False, False),
        ("end", {"make"}, False, False),
    ]
    assert needed_stages(tmp_path, "make") == ["look", "make"]

    repro(tmp_path, "look")
    ran = repro(tmp_path, "make")
    assert [outcome for line in ran if (outcome := progress_of(line))] == ["Ran"]
    assert {line for line in ran if line and not is_chatter(line)} == {
        "Running stage 'make':",
        "> cp seen.txt made.txt",
    }
    assert "Unchanged" in map(progress_of, repro(tmp_path, "make"))
    digest = content_digest(b"one")
    assert locked_outputs((tmp_path / "dvc.lock").read_text()) == {"seen.txt": digest, "made.txt": digest}
    look, make, _ = read_states(tmp_path)
    assert (look.changes, make.changes) == ((), ())  # that a stage always runs is none
    assert [(file.name, file.path, file.recorded) for file in make.outputs] == [("made.txt", Path("made.txt"), digest)]
    seen = next(file for file in make.dependencies if file.name == "seen.txt")
    assert seen.cached is not None
    assert seen.cached.read_text() == "one"

    failed = repro(tmp_path, "end")
    assert 65 in map(exit_code, failed)
    assert any(line.startswith(ERROR) for line in failed)

    (tmp_path / "seen.txt").unlink()
    (tmp_path / "seen.txt").write_text("two")
    (tmp_path / "made.txt").unlink()
    (tmp_path / "params.yaml").write_text("size: {width: 1, height: 3}\nkind: round\n")
    (tmp_path / "dvc.yaml").write_text(LOOK + STAGES.replace("cp seen.txt made", "cp -f seen.txt made"))
    assert changes(tmp_path, "make") == {
        ("seen.txt changed", "seen.txt"),
        ("output made.txt is missing", "made.txt"),
        ("params size.height", None),
        ("its command changed", None),
    }

    (tmp_path / "dvc.yaml").write_text(LOOK + STAGES)
    (tmp_path / "params.yaml").write_text("size: {width: 1, height: 2}\nkind: round\n")
    (tmp_path / "seen.txt").unlink()
    (tmp_path / "seen.txt").write_text("one")
    assert changes(tmp_path, "make") == {("output made.txt is missing", "made.txt")}
    (tmp_path / "dvc.lock").unlink()
    assert "Restored" in map(progress_of, repro(tmp_path, "make"))
    assert "Ran" in map(progress_of, repro(tmp_path, "make", anew=True))


def test_an_output_that_may_be_empty_is_not_remarked_on(tmp_path: Path) -> None:
    stage = "  {0}:\n    cmd: mkdir -p {0}/assets\n    outs: [{0}/assets]\n"
    make_repository(tmp_path, stage.format("made"))
    ran = repro(tmp_path, "made")
    assert "WARNING: 'made/assets' is empty." in ran
    assert [line for line in ran if "empty" in line and not is_chatter(line)] == []
    assert not is_chatter("WARNING: 'models' is empty.")


@pytest.mark.parametrize("line", ["it exited with pleasure", "loss 2.5", "Running"])
def test_a_stages_own_lines_mean_nothing_to_dvc(line: str) -> None:
    assert (progress_of(line), exit_code(line), is_chatter(line)) == (None, None, False)
