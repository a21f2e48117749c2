"""The command line within a test's own process."""

import sys
import warnings
from typing import Protocol

import pytest


class Slimline(Protocol):
    """Runs a command and checks with which code it ends.

    Gives what it prints on standard output, or, where the code is another than 0, the error and then the output.
    """

    def __call__(self, *arguments: str, code: int = 0) -> str: ...


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Slimline:
    """Return what runs commands in this process, which stands in for one of its own."""
    from flows.cli.main import main

    def run(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["slimline", *arguments])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Cyclopts application invoked without tokens")
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        assert ended.value.code == code, said.err
        return said.out if code == 0 else said.err + said.out

    return run
