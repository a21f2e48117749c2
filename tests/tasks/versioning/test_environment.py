import pytest

from tasks.deployment.trust.keys import ENVIRONMENT
from tasks.versioning.environment import WITHHELD, stage_environment


def test_stages_get_everything_but_the_signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "secret")
    monkeypatch.setenv("MINE", "kept")
    made = stage_environment({"MORE": "1"})
    assert ENVIRONMENT in WITHHELD
    assert (made.get(ENVIRONMENT), made["MINE"], made["MORE"]) == (None, "kept", "1")
