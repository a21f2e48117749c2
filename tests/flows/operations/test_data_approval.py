"""The form about data that waits for a person."""

from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from ruamel.yaml import YAML

from flows.operations.approval import approve_data_flow
from tasks.watching.looking import look
from tasks.watching.memory import note_waiting, recall
from tests.tasks.watching.material import FILES, params_of, registry_for, write_files

PARAMS = params_of()


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of data that waits."""
    monkeypatch.chdir(tmp_path)
    with Path("params.yaml").open("w") as file:
        YAML().dump(PARAMS.model_dump(mode="json"), file)
    write_files(FILES)
    found = look(PARAMS.data).digest
    note_waiting(registry_for(PARAMS), found, ("A class is new: dog.",), ("cat", "dog"))
    return found


def answer(digest: str, **given: str) -> State[Any]:
    form = {"digest": digest, "decision": "approve", "name": "Ann", "reason": "dogs are wanted"}
    state: State[Any] = approve_data_flow(**(form | given), return_state=True)
    return state


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("decision", "name", "verdict", "words"),
    [
        ("approve", "Approved", "approved", "The next look of the watch begins a run on it."),
        ("reject", "Rejected", "refused", "No run begins on it."),
    ],
)
def test_a_person_answers_in_a_form_and_the_record_names_them_and_the_run(
    digest: str, decision: str, name: str, verdict: str, words: str
) -> None:
    state = answer(f" {digest[:12]} ", decision=decision)
    assert (state.name, state.message) == (name, f"The data {digest[:12]} of pets is {verdict}. {words}")
    consent = recall(registry_for(PARAMS), digest).consent
    assert consent
    assert (consent.verdict, consent.reason, consent.classes) == (verdict, "dogs are wanted", ("cat", "dog"))
    assert consent.by.startswith("Ann (a form, run ")


@pytest.mark.usefixtures("prefect_server")
def test_a_form_that_cannot_be_carried_out_fails_and_says_why(digest: str) -> None:
    for given, words in {
        ("digest", "0" * 12): f"Expected the digest of the data of pets that waits, {digest}",
        ("digest", "abc"): "digest",
        ("digest", "\x1b[2J" + "x" * 20): "Expected the digest",
        ("decision", "perhaps"): "decision",
        ("name", ""): "name",
        ("reason", ""): "reason",
    }.items():
        state = answer(**({"digest": digest} | dict([given])))
        assert state.is_failed()
        assert words in str(state.message)
    assert recall(registry_for(PARAMS), digest).consent is None
