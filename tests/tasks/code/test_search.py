import sys
from pathlib import Path

import pytest

from tasks.code import search
from tasks.code.search import Search

REPOSITORY = Path(__file__).parents[3]


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_nothing_in_the_projects_folder_takes_the_place_of_what_is_installed(tmp_path: Path) -> None:
    write(tmp_path, "numpy.py", "json/__init__.py", "tasks.py", "tasks/command.py", "mymodel.py")
    here = Search(tmp_path)
    for name, kind in {"numpy": "library", "json": "standard", "tasks": "code", "mymodel": "code"}.items():
        found = here.find(name)
        assert found is not None
        assert found.kind == kind
        assert (found.file is not None and found.file.is_relative_to(tmp_path)) == (name == "mymodel")


def test_modules_packages_and_folders_are_found_as_python_does(tmp_path: Path) -> None:
    write(tmp_path, "one/__init__.py", "one/inner/two.py", "one.py", "plain/three.py", "native.abi3.so", "native.py")
    here = Search(tmp_path)

    def key(name: str) -> str | None:
        found = here.find(name)
        return None if found is None else found.key

    assert key("one") == "one/__init__.py"
    assert key("one.inner") == ""  # a folder without __init__.py
    assert key("one.inner.two") == "one/inner/two.py"
    assert key("plain.three") == "plain/three.py"
    assert key("native") == "native.abi3.so"
    assert key("one.attribute") is key("nowhere") is key("nowhere.at_all") is None


def test_one_package_may_lie_in_several_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "here/shared/a.py", "there/shared/b.py")
    monkeypatch.syspath_prepend(tmp_path / "there")
    here = Search(tmp_path / "here")
    assert [here.find(f"shared.{name}") is not None for name in "abc"] == [True, True, False]


def test_libraries_and_pythons_own_modules_are_told_from_code(tmp_path: Path) -> None:
    kinds = {
        name: found.kind for name in ("numpy", "json", "sys", "math", "tasks") if (found := Search(tmp_path).find(name))
    }
    assert kinds == {"numpy": "library", "json": "standard", "sys": "standard", "math": "standard", "tasks": "code"}


def test_slimline_is_code_where_it_is_installed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = write(tmp_path, "lib/site-packages/tasks/__init__.py", "lib/site-packages/tasks/a.py", "project/x")
    monkeypatch.setattr(sys, "path", [str(installed / "lib/site-packages")])
    found = Search(tmp_path / "project").find("tasks.a")
    assert found is not None
    assert (found.kind, found.key) == ("code", "tasks/a.py")


def test_a_package_that_setuptools_installed_in_place_is_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "elsewhere/mine/__init__.py", "elsewhere/mine/net.py", "project/x")

    class Finder:
        __module__ = f"{search.EDITABLE}___mine_finder"

        @classmethod
        def find_spec(cls, name: str, *_: object) -> object:
            from importlib.util import spec_from_file_location

            file = tmp_path / "elsewhere" / name / "__init__.py"
            return (
                spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
                if file.exists()
                else None
            )

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    found = Search(tmp_path / "project").find("mine.net")
    assert found is not None
    assert (found.kind, found.key) == ("code", "mine/net.py")


def test_what_a_library_brings_along_is_a_library_though_it_lies_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = write(
        tmp_path, "site-packages/spread/zstd.py", "site-packages/tool/_vendor/spread/__init__.py", "project/x"
    )
    monkeypatch.setattr(
        sys, "path", [*map(str, (installed / "site-packages/tool/_vendor", installed / "site-packages"))]
    )
    here = Search(tmp_path / "project")
    assert [(found.kind if (found := here.find(name)) else None) for name in ("spread", "spread.zstd")] == [
        "library"
    ] * 2
