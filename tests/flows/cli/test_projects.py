import io
import sys
from pathlib import Path

import pytest

from flows.cli.main import main
from tasks.config import load_params


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path


def slimline(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["slimline", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_project_is_named_by_its_folder_unless_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert slimline(monkeypatch, "new", "demo") == 0
    assert slimline(monkeypatch, "new", "another", "--model", "cats") == 0
    names = [load_params(Path(folder, "params.yaml")).deployment.model for folder in ("demo", "another")]
    assert names == ["demo", "cats"]
    assert "cd demo && slimline run" in capsys.readouterr().out


def test_on_a_terminal_the_name_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO("cats\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert slimline(monkeypatch, "new", "demo") == 0
    assert load_params(Path("demo/params.yaml")).deployment.model == "cats"


def test_a_folder_whose_name_no_model_may_have_needs_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert slimline(monkeypatch, "new", "my photos") == 2
    assert "--model" in capsys.readouterr().err
    assert not Path("my photos").exists()


def test_an_update_shows_what_it_changed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    slimline(monkeypatch, "new", "demo")
    graph = Path("demo/dvc.yaml")
    graph.write_text(graph.read_text().replace("python -P -m tasks.code", "python -m tasks.code"))
    capsys.readouterr()
    assert slimline(monkeypatch, "new", "--update", "demo") == 0
    assert "+    cmd: python -P -m tasks.code code\n" in capsys.readouterr().out
    monkeypatch.chdir("demo")
    assert slimline(monkeypatch, "new", "--update") == 0
    assert capsys.readouterr().out == "dvc.yaml is as this version has it.\n"
