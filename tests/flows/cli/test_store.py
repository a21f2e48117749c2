import json
from pathlib import Path

import pytest

from flows.cli.store import store
from tests.relay import forgetful, relay


def test_a_folder_keeps_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(f"file://{tmp_path}")
    said = capsys.readouterr().out
    assert f"file://{tmp_path}: conditions are kept" in said
    assert "channels moved" in said
    assert "0 uploads" in said


def test_a_server_that_ignores_conditions_is_found_out(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tasks.s3.connection import connect
    from tests.servers import ANYBODY

    for name, value in ANYBODY.items():
        monkeypatch.setenv(name, value)
    with relay(s3_endpoint, forgetful) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        connect().create_bucket(Bucket="forgetful")
        store("s3://forgetful/models", json=True)
    assert json.loads(capsys.readouterr().out) == {
        "url": "s3://forgetful/models",
        "create": "ignored",
        "swap": "ignored",
        "movable": False,
        "unfinished": 0,
    }
