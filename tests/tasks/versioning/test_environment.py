from pathlib import Path

import pytest

from flows.service.server import server_environment
from tasks.deployment.trust.keys import ENVIRONMENT
from tasks.versioning.environment import WITHHELD, stage_environment


def test_stages_get_everything_but_the_signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "secret")
    monkeypatch.setenv("MINE", "kept")
    made = stage_environment({"MORE": "1"})
    assert ENVIRONMENT in WITHHELD
    assert (made.get(ENVIRONMENT), made["MINE"], made["MORE"]) == (None, "kept", "1")


def test_stages_and_the_server_get_no_secret_of_those_who_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAT_URL", "secret")
    assert stage_environment({})["CHAT_URL"] == "secret"
    Path("params.yaml").write_text("notify: {targets: {chat: {kind: slack, url_env: CHAT_URL}}}\n")
    assert "CHAT_URL" not in stage_environment({})
    assert "CHAT_URL" not in server_environment({"CHAT_URL": "secret"}, "http://127.0.0.1:4200")
