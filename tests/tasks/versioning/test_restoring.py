import shutil
from pathlib import Path

import pytest

from tasks.versioning.changes import Foreseen
from tasks.versioning.dvc import push
from tasks.versioning.restoring import restore
from tasks.versioning.stages import read_stages, stale_stages
from tests.tasks.versioning.repository import LOOK, dvc, make_repository

LINE = """\
  copy:
    cmd: cp seen.txt copied.txt
    deps: [seen.txt]
    outs: [copied.txt]
  side:
    cmd: cp seen.txt side.txt
    deps: [seen.txt]
    outs: [side.txt]
  end:
    cmd: cp copied.txt ended.txt
    deps: [copied.txt]
    outs: [ended.txt]
"""
MADE = {"seen.txt", "copied.txt", "side.txt", "ended.txt"}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project and the remote to which it has pushed its results."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "first").mkdir()
    first = make_repository(folder / "first", LINE)
    (first / ".dvc" / "config").write_text(
        "[core]\n    no_scm = true\n    remote = team\n['remote \"team\"']\n    url = ../../remote\n"
    )
    dvc(first, "repro", "--quiet")
    push(first)
    return folder


@pytest.fixture
def clone(team: Path, tmp_path: Path) -> Path:
    """A project as git would give it, and a copy of the remote."""
    shutil.copytree(team / "remote", tmp_path / "remote")
    clone = tmp_path / "clone"
    (clone / ".dvc").mkdir(parents=True)
    for name in ("dvc.yaml", "dvc.lock", "outside.txt", ".dvc/config"):
        shutil.copy(team / "first" / name, clone / name)
    return clone


def seen(content: bytes = b"one") -> dict[Path, Foreseen]:
    return {Path("seen.txt"): Foreseen(content, lambda _: ["another content"])}


def there(clone: Path) -> set[str]:
    return {name for name in MADE if (clone / name).exists()}


def test_a_clone_gets_what_another_has_made_and_has_nothing_to_do(clone: Path) -> None:
    assert restore(seen, clone) == ["the outputs of 4 stages came from DVC's remote"]
    assert there(clone) == MADE
    assert stale_stages(read_stages(clone, seen()), {}) == frozenset()
    assert restore(lambda: pytest.fail("nothing is missing"), clone) == []


def test_what_would_be_made_otherwise_is_not_brought(clone: Path) -> None:
    (clone / "dvc.yaml").write_text(LOOK + LINE.replace("cp seen.txt copied.txt", "cp -p seen.txt copied.txt"))
    restore(seen, clone)
    assert there(clone) == {"seen.txt", "side.txt"}


def test_of_another_source_nothing_is_brought_but_what_looks_at_it(clone: Path) -> None:
    restore(lambda: seen(b"two"), clone)
    assert there(clone) <= {"seen.txt"}


def test_what_the_cache_has_is_left_to_the_stages(clone: Path) -> None:
    restore(seen, clone)
    (clone / "side.txt").unlink()
    assert restore(seen, clone) == []


def test_where_the_remote_has_it_not_it_is_made_anew(clone: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "remote")
    (said,) = restore(seen, clone)
    assert said.endswith("What is missing is made anew.")


def test_where_there_is_no_remote_nothing_is_said(clone: Path) -> None:
    (clone / ".dvc" / "config").write_text("")
    assert restore(seen, clone) == []
