from pathlib import Path

import pytest

from flows.environment import SERVER_LOGIN
from flows.service.commands import ServiceError, client_environment
from flows.service.server import DatabaseFile, database_file, expect_login, server_environment, trouble
from tests.servers import free_port
from tests.web import says, serving


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_on_loopback_no_login_is_needed(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER_LOGIN, raising=False)
    expect_login(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "server.example.org"])
def test_where_others_reach_the_server_a_login_is_needed(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER_LOGIN, raising=False)
    with pytest.raises(ServiceError, match=SERVER_LOGIN):
        expect_login(host)
    monkeypatch.setenv(SERVER_LOGIN, "name:password")
    expect_login(host)


def test_secrets_reach_only_who_needs_them() -> None:
    given = {
        "SLIMLINE_SIGNING_KEY": "key",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://a:b@c/d",
        "PREFECT_API_DATABASE_PASSWORD": "b",
        "HOME": "/home/a",
    }
    server, client = server_environment(given, "http://127.0.0.1:1"), client_environment(given, "http://127.0.0.1:1")
    assert "SLIMLINE_SIGNING_KEY" not in server
    assert server["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == given["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert client["SLIMLINE_SIGNING_KEY"] == "key"
    assert not [name for name in client if "DATABASE" in name]


def test_a_server_that_does_not_answer_is_in_trouble() -> None:
    said = trouble(f"http://127.0.0.1:{free_port()}")
    assert said is not None
    assert said.startswith("it does not answer")


@pytest.mark.parametrize(
    ("status", "words"), [(200, None), (503, "its database does not answer"), (404, "it answers with 404")]
)
def test_what_a_server_lacks_is_told(status: int, words: str | None, tmp_path: Path) -> None:
    with serving(tmp_path) as web:
        web.script.append(says(status))
        assert trouble(web.url) == words
        assert web.seen[0][0] == "/api/ready"


def test_only_a_file_of_this_machine_is_looked_at(tmp_path: Path) -> None:
    assert database_file({"PREFECT_HOME": str(tmp_path)}) == tmp_path / "prefect.db"
    assert database_file({}) is None
    url = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://a/b", "PREFECT_HOME": str(tmp_path)}
    assert database_file(url) is None
    assert not DatabaseFile(None).is_lost()


def test_a_database_that_is_deleted_or_replaced_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "prefect.db"
    path.write_text("a")
    database = DatabaseFile(path)
    path.write_text("b")
    assert not database.is_lost()
    copy = tmp_path / "copy"
    copy.write_text("b")
    copy.replace(path)
    assert database.is_lost()
    path.unlink()
    assert database.is_lost()
    beside = tmp_path / "prefect.db-wal"
    beside.write_text("old")
    database.clear_away()
    assert not beside.exists()
