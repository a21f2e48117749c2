"""A run begins, and trains, on the data that is there, or not: by what began it and what is known of the data."""

from pathlib import Path

import pytest

from flows.line import guarding
from flows.line.concluding import RunResult
from flows.line.guarding import end_before_training, end_before_work, refusing_data
from flows.line.naming import cause_of
from flows.line.stages import StageFailed
from tasks.causes import HAND, PAGES, SCHEDULE, Cause, read_cause
from tasks.config import Params
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.promotion import Registry
from tasks.errors import UNUSABLE, ConfigError
from tasks.watching.looking import look
from tasks.watching.memory import answer, read_waiting, recall
from tests.tasks.watching.material import FILES, params_of, registry_for, train, write_dataset, write_files

DATA = read_cause({"sentence": "2 files added."})
WHY = Why("it is right so", "alice")
USED = {"cat": 10, "dog": 10}


def tell(topic: str, line: str) -> None:
    """Take the place of a line in a run's log."""
    assert topic == "cause"
    assert line


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(guarding, "tell", tell)
    write_files(FILES)
    return params_of()


@pytest.fixture
def registry(params: Params) -> Registry:
    return registry_for(params)


def begin(params: Params, cause: Cause = DATA) -> RunResult | None:
    return end_before_work(params, registry_for(params), cause)


def test_a_run_outside_of_a_deployment_is_by_hand_and_an_event_says_what_it_is() -> None:
    assert cause_of(None) == HAND
    assert cause_of({"sentence": "2 files added."}) == DATA
    assert cause_of("nonsense").kind == "data"


def test_a_second_event_for_the_same_data_does_nothing(params: Params, registry: Registry) -> None:
    assert begin(params) is None
    train(params, USED, "Held back")
    result = begin(params)
    assert result
    assert (result.ending, result.release) == ("Nothing to do", None)
    assert "Held back" in result.sentence
    assert begin(params, SCHEDULE) is None  # code and settings may have changed


def test_a_run_notes_that_it_has_begun(params: Params, registry: Registry) -> None:
    begin(params)
    begin(params, SCHEDULE)
    begin(params, HAND)
    attempt = recall(registry, look(params.data).digest).attempt
    assert attempt
    assert attempt.count == 2


@pytest.mark.parametrize("cause", [DATA, SCHEDULE, PAGES])
def test_nobody_but_a_person_at_a_terminal_trains_on_new_classes_unasked(
    params: Params, registry: Registry, cause: Cause
) -> None:
    train(params, USED)
    write_files({"bird/1.png": b"x"})
    assert begin(params, HAND) is None
    result = begin(params, cause)
    assert result
    assert result.ending == "AwaitingConsent"
    digest = look(params.data).digest
    assert result.sentence == (
        f"A class is new: bird. A person decides: `slimline approve pets --data {digest[:12]} --reason …`"
    )
    answer(registry, digest[:12], "approved", WHY)
    assert begin(params, cause) is None


@pytest.mark.parametrize("cause", [DATA, SCHEDULE, PAGES])
def test_nothing_is_trained_on_what_a_person_refused(params: Params, registry: Registry, cause: Cause) -> None:
    train(params, USED)
    write_files({"bird/1.png": b"x"})
    begin(params, cause)
    answer(registry, look(params.data).digest, "refused", WHY)
    result = begin(params, cause)
    assert result
    assert (result.ending, "alice refused it" in result.sentence) == ("Nothing to do", True)


def test_what_a_run_could_not_use_is_tried_again_by_the_clock_alone(params: Params, registry: Registry) -> None:
    train(params, USED)
    write_files({"cat/new.png": b"x"})
    train_digest = look(params.data).digest
    with pytest.raises(StageFailed), refusing_data(registry):
        raise StageFailed("load", "it does not answer", 69)
    assert recall(registry, train_digest).consent is None
    Path("data/source.json").write_text(look(params.data).listing.model_dump_json())
    with pytest.raises(StageFailed), refusing_data(registry):
        raise StageFailed("load", "Expected at most 1% unusable", UNUSABLE)
    result = begin(params)
    assert result
    assert (result.ending, "at most 1%" in result.sentence) == ("Nothing to do", True)
    assert begin(params, SCHEDULE) is None


def test_samples_that_were_read_are_looked_at_before_training(params: Params, registry: Registry) -> None:
    train(params, USED)
    write_files({"cat/new.png": b"x"})
    assert begin(params) is None
    state = look(params.data)
    Path("data/source.json").write_text(state.listing.model_dump_json())
    write_dataset({"cat": 11, "dog": 10})
    assert end_before_training(params, registry, DATA) is None
    write_dataset({"cat": 11})
    assert end_before_training(params, registry, HAND) is None
    result = end_before_training(params, registry, DATA)
    assert result
    assert result.ending == "AwaitingConsent"
    waiting = read_waiting(registry)
    assert waiting
    assert (waiting.digest, waiting.classes) == (state.digest, ("cat",))
    answer(registry, state.digest, "approved", WHY)
    assert end_before_training(params, registry, DATA) is None
    write_dataset({"cat": 11, "bird": 3})
    assert end_before_training(params, registry, DATA)  # a consent is to the classes that were shown


def test_a_source_that_the_run_itself_changes_is_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="each run would change it"):
        begin(params_of("."), SCHEDULE)
