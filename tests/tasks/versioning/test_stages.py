from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import VersioningError
from tasks.versioning.changes import Foreseen
from tasks.versioning.rebuilding import stages_to_run
from tasks.versioning.stages import Stage, read_stages, stale_stages
from tests.tasks.versioning.repository import LOOK, dvc, make_repository

LINE = """\
  copy:
    cmd: cp seen.txt copied.txt
    deps: [seen.txt]
    outs: [copied.txt]
  end:
    cmd: cp copied.txt ended.txt
    deps: [copied.txt]
    outs: [ended.txt]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_repository(tmp_path, LINE)


def test_stages_come_in_an_order_in_which_they_can_run(project: Path) -> None:
    stages = read_stages(project)
    assert list(stages) == ["look", "copy", "end"]
    assert stages["end"].needs == {"copy"}
    assert stages["look"].always
    assert not stages["copy"].always


def test_data_of_ones_own_that_dvc_tracks_is_no_stage(project: Path) -> None:
    (project / "own.csv").write_text("1")
    dvc(project, "add", "--quiet", "own.csv")
    (project / "dvc.yaml").write_text(LOOK + LINE.replace("deps: [copied.txt]", "deps: [copied.txt, own.csv]"))
    assert list(read_stages(project)) == ["look", "copy", "end"]
    assert read_stages(project)["end"].needs == {"copy"}
    dvc(project, "repro", "--quiet")
    (project / "own.csv").unlink()
    (project / "own.csv").write_text("2")
    assert stale_stages(read_stages(project), {"look": False}) == {"end"}
    assert stages_to_run(project, "end", ()) == ["look", "copy", "end"]


def test_nothing_is_stale_after_a_run_unless_the_world_outside_changed(project: Path) -> None:
    assert stale_stages(read_stages(project), {"look": False}) == {"look", "copy", "end"}
    dvc(project, "repro", "--quiet")
    assert stale_stages(read_stages(project), {"look": False}) == frozenset()
    assert stale_stages(read_stages(project), {"look": True}) == {"look", "copy", "end"}


def test_what_a_stage_that_always_runs_would_write_decides_and_not_what_it_wrote(project: Path) -> None:
    def stale(content: bytes) -> tuple[set[str], tuple[str, ...]]:
        stages = read_stages(project, {Path("seen.txt"): Foreseen(content, lambda before: [f"{before!r} before"])})
        return set(stale_stages(stages, {})), stages["copy"].changed

    dvc(project, "repro", "--quiet")
    assert stale(b"one") == (set(), ())
    assert stale(b"two") == ({"look", "copy", "end"}, ("b'one' before",))
    (project / "outside.txt").write_text("two")
    dvc(project, "repro", "--quiet", "look")
    assert stale(b"two") == ({"copy", "end"}, ("b'one' before",))
    assert stale(b"one") == ({"look"}, ())  # the world outside is as it was: `look` alone has something to write


def test_the_reasons_are_few_words(project: Path) -> None:
    (project / "params.yaml").write_text("a: {b: 1, c: [1]}\nd: 1\n")
    line = LOOK + LINE.replace("deps: [copied.txt]", "deps: [copied.txt, own.csv]\n    params: [a, d]")
    (project / "dvc.yaml").write_text(line)
    (project / "own.csv").write_text("1")
    assert read_stages(project)["end"].changed == ("never ran",)
    dvc(project, "repro", "--quiet")
    assert read_stages(project)["end"].changed == ()
    (project / "params.yaml").write_text("a: {b: 2, c: [1], e: 3}\nd: 1\n")
    (project / "own.csv").write_text("2")
    (project / "dvc.yaml").write_text(line.replace("cp copied.txt ended.txt", "cp own.csv ended.txt"))
    (project / "ended.txt").unlink()
    assert read_stages(project)["end"].changed == (
        "own.csv changed",
        "params a.b, a.e",
        "output ended.txt is missing",
        "its command changed",
    )


def test_a_stage_whose_output_was_changed_by_hand_is_stale(project: Path) -> None:
    dvc(project, "repro", "--quiet")
    (project / "copied.txt").unlink()
    (project / "copied.txt").write_text("other")
    assert stale_stages(read_stages(project), {"look": False}) == {"copy", "end"}


def test_staleness_runs_down_the_graph_only() -> None:
    def stage(name: str, needs: set[str], changed: tuple[str, ...] = ()) -> Stage:
        return Stage(name, frozenset(needs), changed, always=False)

    stages = {
        "a": stage("a", set()),
        "b": stage("b", {"a"}, ("changed params",)),
        "c": stage("c", {"a"}),
        "d": stage("d", {"b", "c"}),
    }
    assert stale_stages(stages, {}) == {"b", "d"}


@pytest.mark.parametrize("spoil", [lambda project: (project / "dvc.yaml").write_text("stages: 3")])
def test_a_graph_that_does_not_fit_is_an_error_with_a_message(project: Path, spoil: Callable[[Path], None]) -> None:
    spoil(project)
    with pytest.raises(VersioningError, match=r"dvc\.yaml"):
        read_stages(project)


def test_a_folder_without_dvc_is_an_error_with_a_message(tmp_path: Path) -> None:
    with pytest.raises(VersioningError, match="folder of your project"):
        read_stages(tmp_path)
