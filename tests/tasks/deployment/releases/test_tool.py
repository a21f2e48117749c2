from importlib.metadata import version
from pathlib import Path

import pytest

from tasks.code.records import FOLDER, CodeRecord
from tasks.config import Params
from tasks.deployment.records import Manifest, Tool
from tasks.deployment.registry import read_manifest
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.tool import expect_tool, this_tool
from tasks.deployment.stores.opening import open_store
from tasks.errors import ConfigError
from tasks.records import write_record
from tests.tasks.deployment.project import trust_of


def write_code(**modules: str) -> None:
    write_record(FOLDER / "train.json", CodeRecord(python="3.11", modules=modules, libraries={}))


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def manifest(project: Params) -> Manifest:
    write_code(**{"tasks/a.py": "1"})
    publish(project)
    return read_manifest(open_store(project.deployment.store), "shades", 1, trust_of(project)).manifest


def test_a_manifest_names_slimline_and_its_code(manifest: Manifest) -> None:
    assert manifest.tool == this_tool()
    assert manifest.tool.version == version("slimline")
    write_code(**{"tasks/a.py": "2"})
    assert this_tool().code != manifest.tool.code


def test_a_users_own_modules_are_not_slimlines_code(manifest: Manifest) -> None:
    write_code(**{"tasks/a.py": "1", "mymodel.py": "2"})
    assert this_tool() == manifest.tool


def test_another_version_is_named_with_how_to_install_it(manifest: Manifest) -> None:
    other = manifest.model_copy(update={"tool": Tool(version="0.0.9", code=None)})
    with pytest.raises(ConfigError, match=r"pip install 'slimline\[line\]==0\.0\.9'"):
        expect_tool(other, carried=False)
    assert expect_tool(other, carried=True) == []
    assert expect_tool(manifest, carried=False) == []
    assert expect_tool(manifest.model_copy(update={"tool": None}), carried=False) == []


def test_other_code_of_the_same_version_is_told(manifest: Manifest) -> None:
    other = manifest.model_copy(update={"tool": Tool(version=version("slimline"), code="0" * 64)})
    (line,) = expect_tool(other, carried=False)
    assert "slimline's code" in line
