from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tasks.watching.looking import look
from tasks.watching.memory import note_waiting, recall
from tests.commands import Slimline
from tests.tasks.watching.material import FILES, params_of, registry_for, write_files

PARAMS = params_of()


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of data that waits."""
    monkeypatch.chdir(tmp_path)
    YAML().dump(PARAMS.model_dump(mode="json"), Path("params.yaml"))
    write_files(FILES)
    found = look(PARAMS.data).digest
    note_waiting(registry_for(PARAMS), found, ("A class is new: dog.",), ("cat", "dog"))
    return found


def test_a_person_lets_a_run_begin_on_data_that_waits(slimline: Slimline, digest: str) -> None:
    said = slimline("approve", "pets", "--data", digest[:12], "--reason", "dogs are wanted")
    assert said == f"The data {digest[:12]} of pets is approved. The next look of the watch begins a run on it.\n"
    consent = recall(registry_for(PARAMS), digest).consent
    assert consent
    assert (consent.verdict, consent.reason, consent.classes) == ("approved", "dogs are wanted", ("cat", "dog"))


def test_the_status_says_what_waits_until_there_is_an_answer(
    slimline: Slimline, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    waits = f"waits\tdata {digest[:12]}, for a person: A class is new: dog. `slimline approve pets --data {digest[:12]}"
    assert waits in slimline("status")
    slimline("reject", "pets", "--data", digest, "--reason", "no dogs")
    assert waits not in slimline("status")


def test_a_person_refuses_data_that_waits(slimline: Slimline, digest: str) -> None:
    assert "is refused. No run begins on it." in slimline("reject", "pets", "--data", digest, "--reason", "no dogs")
    consent = recall(registry_for(PARAMS), digest).consent
    assert consent
    assert consent.verdict == "refused"


@pytest.mark.parametrize("given", ["abc", "0" * 64])
def test_other_data_than_waits_is_named(slimline: Slimline, digest: str, given: str) -> None:
    said = slimline("approve", "pets", "--data", given, "--reason", "x", code=2)
    assert f"that waits, {digest}" in said


def test_a_reason_is_asked_for(slimline: Slimline, digest: str) -> None:
    assert "reason" in slimline("approve", "pets", "--data", digest, code=2)
