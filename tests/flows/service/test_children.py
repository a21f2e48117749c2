import os
import queue
import socket
import sys
from pathlib import Path

import psutil
import pytest

from flows import environment
from flows.service import children
from flows.service.children import Child
from flows.service.commands import ServiceError
from flows.service.server import expect_free
from tests.processes import ENDLESS, is_gone
from tests.servers import free_port

UP = f"print('up', flush=True); {ENDLESS}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {ENDLESS!r}]); {UP}"
DEAF = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {UP}"


def child(text: str, folder: Path, ended: "queue.SimpleQueue[str] | None" = None) -> Child:
    return Child("server", [sys.executable, "-uc", text], dict(os.environ), folder, ended or queue.SimpleQueue())


def wait_until_it_speaks(started: Child) -> None:
    while "up" not in started.last_lines():
        assert started.is_running


def test_the_end_of_a_process_is_told(tmp_path: Path) -> None:
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    started = child("print('bye')", tmp_path, ended)
    started.start()
    assert ended.get(timeout=60) == "server"
    assert not started.is_running
    assert started.last_lines() == "bye"


@pytest.mark.parametrize("text", [PARENT, DEAF])
def test_a_process_is_stopped_with_all_that_it_started(tmp_path: Path, text: str) -> None:
    started = child(text, tmp_path)
    started.start()
    wait_until_it_speaks(started)
    tree = [each.pid for each in psutil.Process().children(recursive=True) if ENDLESS in " ".join(each.cmdline())]
    assert len(tree) == (2 if text == PARENT else 1)
    started.stop(0.5)
    assert not started.is_running
    assert all(map(is_gone, tree))


def test_a_long_log_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOGGED", 10)
    (tmp_path / "server.log").write_text("an older log\n")
    started = child("print('new')", tmp_path)
    started.start()
    started.stop(60)
    assert (tmp_path / "server.log.1").read_text() == "an older log\n"
    assert "older" not in started.last_lines()


@pytest.mark.parametrize("port", [None, 1 << 20])
def test_a_port_that_somebody_has_is_refused(port: int | None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServiceError, match="a free port"):
            expect_free("127.0.0.1", port or taken.getsockname()[1])
    expect_free("127.0.0.1", free_port())


def test_the_address_is_that_of_a_process_that_lives(tmp_path: Path) -> None:
    (tmp_path / environment.SERVICE).mkdir(parents=True)
    assert environment.read_address(tmp_path) is None
    environment.write_address("http://127.0.0.1:1", tmp_path)
    assert environment.read_address(tmp_path) == ("http://127.0.0.1:1", os.getpid())
    for damaged in ("", "[]", '{"pid": "x"}', '{"address": "a", "pid": 1, "begun": 0}'):
        (tmp_path / environment.RECORD).write_text(damaged)
        assert environment.read_address(tmp_path) is None
