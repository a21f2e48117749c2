import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.command import run_command
from tasks.config import Params
from tasks.errors import ConfigError, DataError, SourceError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    return tmp_path


def code(*arguments: str, error: BaseException | None = None) -> object:
    """The code that the command exits with."""

    def work(params: Params, name: str = "", other: str = "") -> None:
        if error:
            raise error

    with pytest.raises(SystemExit) as caught:
        run_command({"work": work}, list(arguments))
    return caught.value.code


def test_the_work_gets_the_params_and_the_other_arguments() -> None:
    got = []

    def work(params: Params, *names: str) -> None:
        got.append((params.data.source, names))

    run_command({"work": work, "rest": print}, ["work", "int8", "x"])
    assert got == [("digits", ("int8", "x"))]


def test_the_arguments_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    got = []
    monkeypatch.setattr(sys, "argv", ["program", "work", "int8"])
    run_command({"work": lambda _, name: got.append(name)})
    assert got == ["int8"]


def test_the_gates_metrics_are_looked_up_for_works_that_measure(project: Path) -> None:
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("metric: accuracy", "metric: taste"))
    got: list[str] = []
    works = {"load": lambda _: got.append("load"), "gate": lambda _: got.append("gate")}
    run_command(works, ["load"], measuring={"gate"})
    with pytest.raises(SystemExit) as caught:
        run_command(works, ["gate"], measuring={"gate"})
    assert (got, caught.value.code) == (["load"], 2)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("Expected a."), 2),
        (DataError("Expected b."), 1),
        (SourceError("Expected c."), SourceError.exit_code),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_end_with_their_code_and_message(
    error: BaseException, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code("work", error=error) == expected
    said = capsys.readouterr().err
    assert said == ("" if isinstance(error, KeyboardInterrupt) else f"error: {error}\n")


@pytest.mark.parametrize("defect", [ZeroDivisionError(), IsADirectoryError(errno.EISDIR, "Is a directory")])
def test_a_defect_is_not_dressed_up(defect: Exception) -> None:
    def work(params: Params) -> None:
        raise defect

    with pytest.raises(type(defect)):
        run_command({"work": work}, ["work"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full, which never has room")
def test_a_full_disk_is_named_and_what_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(params: Params) -> None:
        Path("/dev/full").write_bytes(b"x")

    with pytest.raises(SystemExit, match="1"):
        run_command({"work": work}, ["work"])
    said = capsys.readouterr().err
    assert f"error: Expected room on the disk of {project}. Received: No space left on device. Make room" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Expected one of: work. Received: ''."),
        (("play",), "Expected one of: work. Received: 'play'."),
        (("work", "a", "b", "c"), "Expected work with the arguments it takes. Received: ['a', 'b', 'c']"),
    ],
)
def test_a_wrong_command_line_ends_with_2(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(*arguments) == 2
    assert words in capsys.readouterr().err


def test_wrong_params_end_with_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "params.yaml").write_text("data: {source: 3}")
    assert code("work") == 2
    assert "data.source: input should be a valid string. Received: 3." in capsys.readouterr().err


def test_lines_appear_as_they_are_printed(project: Path) -> None:
    text = (
        "import os, signal; from tasks.command import run_command\n"
        "def work(params): print('epoch 1'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "run_command({'work': work}, ['work'])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-9, "epoch 1\n")
