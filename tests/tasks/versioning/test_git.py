import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tasks.errors import VersioningError
from tasks.versioning.git import git, run_git


@pytest.fixture
def login() -> Iterator[str]:
    """The address of a repository that wants a login."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/digits.git"
        server.shutdown()
        thread.join()


def test_git_fails_where_it_would_ask_for_a_login(tmp_path: Path, login: str) -> None:
    code, _, error = run_git(tmp_path, "ls-remote", login)
    assert code
    assert "could not read Username" in error


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(VersioningError, match="nothing for 1 seconds"):
        git(tmp_path, "-c", "alias.wait=!sleep 600", "wait", seconds=1)


def test_an_error_shows_no_credentials(tmp_path: Path) -> None:
    code, _, error = run_git(tmp_path, "ls-remote", "http://me:hunter2@127.0.0.1:9/digits.git")
    assert code
    assert "hunter2" not in error
