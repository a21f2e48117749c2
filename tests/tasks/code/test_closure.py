from pathlib import Path

import pytest

from tasks.code import closure
from tasks.code.closure import CACHE, Closure, Reader
from tasks.code.source import Source


def project(folder: Path, **files: str) -> Path:
    """Files by their dotted names, ``__`` between folders."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def closure_of(folder: Path, *names: str) -> Closure:
    return Reader(folder).closure(names)


def test_all_that_is_imported_in_turn_belongs_to_it_and_nothing_else(tmp_path: Path) -> None:
    project(
        tmp_path,
        mymodel="import blocks\ndef build():\n    from parts.heads import dense\n",
        blocks="import mymodel, numpy, json",
        parts__heads="from . import common\nfrom .inner.deep import thing",
        parts__common="",
        parts__inner__deep="from ..near import thing",
        parts__near="from .far import *",
        parts__far="",
        other="",
        parts__other="",
    )
    (tmp_path / "parts/inner/__init__.py").touch()
    made = closure_of(tmp_path, "mymodel")
    parts = ("common", "far", "heads", "inner/__init__", "inner/deep", "near")
    assert list(made.modules) == ["blocks.py", "mymodel.py", *(f"parts/{name}.py" for name in parts)]
    assert list(made.libraries) == ["numpy"]


def test_names_that_are_no_modules_are_attributes(tmp_path: Path) -> None:
    project(tmp_path, a="from b import attribute, submodule\nfrom b.c import nothing", b__submodule="")
    (tmp_path / "b/__init__.py").write_text("attribute = 1")
    project(tmp_path, b__c="nothing = 1")
    assert list(closure_of(tmp_path, "a").modules) == ["a.py", "b/__init__.py", "b/c.py", "b/submodule.py"]


def test_a_module_that_another_process_runs_belongs_to_it(tmp_path: Path) -> None:
    project(tmp_path, a="run('-m', 'tools.worker', 'tools.text', 'numpy.linalg')", tools__worker="import b", b="")
    made = closure_of(tmp_path, "a")
    assert list(made.modules) == ["a.py", "b.py", "tools/worker.py"]
    assert made.libraries == {}


def test_a_file_that_a_module_names_by_its_path_belongs_to_it_and_what_a_template_names_in_turn(tmp_path: Path) -> None:
    project(tmp_path, a__page="render('a/t/page.j2', 'a/t/none.j2', 'data/x.json', 'b/y.txt', 'c.txt')", a__t__other="")
    texts = {
        "a/t/page.j2": '{% extends "a/t/base.j2" %}{{ "a/t/page.j2" }}',
        "a/t/base.j2": "{% include 'a/t/x.css' %}{# a/t/y.css #}",
        **dict.fromkeys(["a/t/x.css", "a/t/y.css", "data/x.json", "b/y.txt", "c.txt"], "'a/t/y.css'"),
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = closure_of(tmp_path, "a.page")
    assert list(before.modules) == ["a/page.py", "a/t/base.j2", "a/t/page.j2", "a/t/x.css"]
    (tmp_path / "a/t/x.css").write_text("b {}")
    after = closure_of(tmp_path, "a.page")
    assert {name for name in after.modules if after.modules[name] != before.modules[name]} == {"a/t/x.css"}


def test_a_change_is_seen_and_a_comment_is_not(tmp_path: Path) -> None:
    project(tmp_path, a="import b", b="x = 1")
    before = closure_of(tmp_path, "a")
    project(tmp_path, b="x = 1  # one")
    assert closure_of(tmp_path, "a") == before
    project(tmp_path, b="x = 2")
    after = closure_of(tmp_path, "a")
    assert {name for name in after.modules if after.modules[name] != before.modules[name]} == {"b.py"}


def test_what_is_not_there_is_noted_until_it_is(tmp_path: Path) -> None:
    project(tmp_path, a="try:\n    import fast_sums\nexcept ImportError:\n    pass")
    assert closure_of(tmp_path, "a").libraries == {"fast_sums": "not installed"}
    project(tmp_path, fast_sums="")
    assert closure_of(tmp_path, "a").libraries == {}
    assert closure_of(tmp_path, "nowhere").modules == {"nowhere": "not installed"}


def test_libraries_have_the_version_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(
        tmp_path, a="import numpy.linalg, sklearn\nfrom google.protobuf import text_format\nimport pydantic, rich.table"
    )
    monkeypatch.setattr("tasks.code.libraries.version", lambda name: f"{name} 9")
    made = closure_of(tmp_path, "a")
    assert made.libraries == {name: f"{name} 9" for name in ("numpy", "protobuf", "scikit-learn")}


def test_a_library_of_no_known_version_is_known_by_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path / "site-packages", dropped="x = 1")
    project(tmp_path / "project", a="import dropped")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    made = closure_of(tmp_path / "project", "a")
    assert list(made.modules) == ["a.py", "dropped.py"]
    project(tmp_path / "site-packages", dropped="x = 2")
    assert closure_of(tmp_path / "project", "a") != made


def test_what_was_read_before_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, a="import b", b="")
    reader = Reader(tmp_path)
    made = reader.closure(["a"])
    reader.keep()
    parsed: list[bytes] = []

    def read(content: bytes) -> Source:
        parsed.append(content)
        return Source("new")

    monkeypatch.setattr(closure, "read_source", read)
    assert closure_of(tmp_path, "a") == made
    assert parsed == []
    project(tmp_path, b="x = 1")
    assert closure_of(tmp_path, "a").modules["b.py"] == "new"
    assert parsed == [b"x = 1"]


@pytest.mark.parametrize("text", ["", "{}", '{"reader": "another", "files": {"x": ["y", [], []]}}'])
def test_what_another_version_kept_is_not_used(tmp_path: Path, text: str) -> None:
    project(tmp_path, a="")
    before = closure_of(tmp_path, "a")
    (tmp_path / CACHE).parent.mkdir()
    (tmp_path / CACHE).write_text(text)
    assert closure_of(tmp_path, "a") == before


def test_of_a_module_that_imports_lazily_only_the_names_that_are_used_count(tmp_path: Path) -> None:
    door = "HOMES = {'A': 'inside.a', 'B': 'inside.b'}\ndef __getattr__(name):\n    return HOMES[name]\n"
    project(tmp_path, door=door, inside__a="", inside__b="", one="from door import A", all="import door", none="")
    assert list(closure_of(tmp_path, "one").modules) == ["door.py", "inside/a.py", "one.py"]
    assert list(closure_of(tmp_path, "all").modules) == ["all.py", "door.py", "inside/a.py", "inside/b.py"]
    project(tmp_path, door=door.replace("__getattr__", "look_up"))  # any code may use the table
    assert list(closure_of(tmp_path, "one").modules) == ["door.py", "inside/a.py", "inside/b.py", "one.py"]


def test_a_workload_of_ones_own_leads_to_those_parts_of_slimline_that_it_names(tmp_path: Path) -> None:
    project(tmp_path, own="from slimline import Example, Metric")
    made = closure_of(tmp_path, "own").modules
    assert {"slimline/__init__.py", "tasks/workloads/protocol.py", "tasks/workloads/metric.py"} <= set(made)
    assert not [path for path in made if path.startswith(("tasks/deployment", "tasks/compression", "flows"))]


@pytest.mark.parametrize(
    "text",
    [
        "from nets import *",
        "from importlib import import_module\nimport_module(name='nets.resnet')",
        "from importlib import import_module as load\nload('nets.resnet')",
        "import importlib\nload = importlib.import_module\nload('nets.resnet')",
        "import importlib as i\ni.import_module('.resnet', 'nets')",
        "import importlib as i\ni.import_module('..resnet', package='nets.inner')",
        "import importlib\nNAME = 'nets.resnet'\nimportlib.import_module(NAME)",
        "__import__('nets', fromlist=['resnet'])",
        "__import__('nets', globals(), locals(), ('resnet',), 0)",
        "import nets.door",
        "import nets.inner",
    ],
)
def test_what_is_imported_in_so_many_words_by_other_means_belongs_to_it(tmp_path: Path, text: str) -> None:
    project(tmp_path, a=text, nets__resnet="", nets__other="")
    project(tmp_path, nets__door="from importlib import import_module\nimport_module('.resnet', __package__)")
    (tmp_path / "nets/inner").mkdir()
    (tmp_path / "nets/inner/__init__.py").write_text("import importlib\nimportlib.import_module('..resnet', __name__)")
    (tmp_path / "nets/__init__.py").write_text("__all__ = ['resnet']\n")
    made = closure_of(tmp_path, "a").modules
    assert {"a.py", "nets/__init__.py", "nets/resnet.py"} <= set(made)
    assert "nets/other.py" not in made


def test_an_undotted_module_that_is_imported_by_a_keyword_belongs_to_it(tmp_path: Path) -> None:
    project(tmp_path, a="from importlib import import_module as im\nim(name='nets')", nets="")
    assert list(closure_of(tmp_path, "a").modules) == ["a.py", "nets.py"]


@pytest.mark.parametrize(
    "names", ["__all__ = ('b',)", "__all__: list = []\n__all__ += ['b']", "__all__ = []\n__all__.append('b')"]
)
def test_all_names_that_a_package_says_it_has_count_where_all_are_imported(tmp_path: Path, names: str) -> None:
    project(tmp_path, a="from nets import *", other="from nets import x", nets__b="", nets__c="")
    (tmp_path / "nets/__init__.py").write_text(names)
    assert list(closure_of(tmp_path, "a").modules) == ["a.py", "nets/__init__.py", "nets/b.py"]
    assert list(closure_of(tmp_path, "other").modules) == ["nets/__init__.py", "other.py"]
