import json
from pathlib import Path
from typing import Any

import pytest

from flows.operations.rebuilding import parse_release
from tasks.deployment.releases.publishing import publish
from tasks.errors import ConfigError
from tests.commands import Slimline
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options that name the store of a project with four releases, from a folder without params.yaml."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    params = params_for(f"file://{tmp_path / 'store'}")
    for bias in (11, 12, 13, 14):
        write_project(params, bias)
        publish(params)
    monkeypatch.chdir(tmp_path)
    return ("--store", params.deployment.store, "--model", "shades")


def test_what_is_pinned_survives_a_retention_that_was_shown_before(slimline: Slimline, place: tuple[str, ...]) -> None:
    def gone(*arguments: str) -> list[int]:
        rows: list[dict[str, Any]] = json.loads(slimline("retention", *arguments, "--json", *place))["versions"]
        return [row["version"] for row in rows if row["goes"]]

    assert slimline("pin", "1", "--reason", "on a ship", *place) == "shades 1 is pinned: on a ship\n"
    assert gone("--keep", "1", "--dry-run") == [2]
    assert gone("--keep", "1") == [2]
    assert gone("--keep", "1") == []
    assert slimline("unpin", "1", *place) == "shades 1 is no longer pinned\n"
    said = slimline("retention", *place, "--keep", "1")
    assert "gone" in said
    assert "not of the last 1" in said
    assert "Received: 0" in slimline("retention", *place, "--keep", "0", code=2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "digits",
        "digits@",
        "@3",
        "digits@x",
        "digits@0",
        "digits@-1",
        "digits@²",
        "digits@٣",
        "digits@" + "9" * 5000,
    ],
)
def test_a_release_is_named_by_model_and_version(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected MODEL@VERSION"):
        parse_release(text)
    assert parse_release("my.model@12") == ("my.model", 12)


@pytest.mark.parametrize("name", ["my@model", "../digits", "Digits", "a/b", "[bold]"])
def test_a_model_of_a_release_has_a_name_as_in_params(name: str) -> None:
    with pytest.raises(ConfigError, match="Expected the name of a model"):
        parse_release(f"{name}@12")


def test_a_folder_that_is_not_empty_is_left_alone(slimline: Slimline, place: tuple[str, ...]) -> None:
    Path("folder").mkdir()
    Path("folder/mine").touch()
    said = slimline("reproduce", "shades@1", *place[:2], "--folder", "folder", "--allow-unsigned", code=2)
    assert "to be empty" in said
