import contextlib
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.deployment.stores.directory import DirectoryStore
from tasks.deployment.stores.progress import bar
from tasks.deployment.stores.protocol import PIECE


def test_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("digits 1", 10 * PIECE) as progress:
        assert progress is None
    assert capsys.readouterr().err == ""


def test_a_person_sees_how_far_an_upload_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(bytes(PIECE + 1))
    store = DirectoryStore(f"file://{tmp_path / 'store'}")
    mine, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        with bar("digits 1", PIECE) as progress:
            assert progress is None  # too small to be worth one
        with bar("digits 1", PIECE + 1) as progress:
            store.put_file("key", tmp_path / "file", progress)
    said = "".join(chunk.decode(errors="replace") for chunk in read_all(mine))
    os.close(mine)
    assert "digits 1" in said
    assert "8.4/8.4 MB" in said


def read_all(terminal: int) -> Iterator[bytes]:
    """The bytes that were written to a terminal whose other end is closed."""
    with contextlib.suppress(OSError):  # as Linux tells the end
        while chunk := os.read(terminal, 1 << 16):
            yield chunk
