import json
import sys
from pathlib import Path

import pytest

from flows.cli.main import main
from tests.tasks.data_loading.material import tree, write_folder

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    write_folder(tmp_path / "photos", tree(["cat", "dog"], 20))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def slimline(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["slimline", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_source_is_looked_at_without_a_change_of_params(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "params.yaml").read_bytes()
    assert slimline(monkeypatch, "data", "--set", "data.source=photos", "--json", "--html") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["cat", "dog"]
    assert found["source"] == "photos"
    assert sum(part["samples"] for part in found["splits"].values()) == found["read"] == 40
    assert "test samples" in found["unproven"]
    assert Path(found["page"]) == project / "reports/data.html"
    assert (project / "reports/data.html").read_text().startswith("<!doctype html>")
    assert (project / "params.yaml").read_bytes() == before
    assert not (project / "data").exists()


def test_people_get_a_table_and_sentences(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert slimline(monkeypatch, "data", "--set", "data.source=photos") == 0
    said = capsys.readouterr().out
    assert "photos: 40 files, 40 samples read, 2 classes" in said
    assert "validation" in said
    assert "A run would release nothing: The gate's rule {metric: accuracy, margin: 0.03} cannot be proven" in said
    assert not (project / "reports").exists()


def test_a_wrong_setting_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slimline(monkeypatch, "data", "--set", "data.nonsense=1") == 2
    assert slimline(monkeypatch, "data", "--set", "data.source=nowhere") == 1


def test_enough_samples_or_a_wider_margin_are_not_remarked_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "gate.rules=[{metric: accuracy, margin: 0.5}]"
    assert slimline(monkeypatch, "data", "--set", "data.source=photos", "--set", rules) == 0
    assert "release nothing" not in capsys.readouterr().out
