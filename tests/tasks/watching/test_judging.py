"""The life of a source under watch: what begins a run, what waits, what is left alone."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.releases.channels import Why
from tasks.errors import ConfigError
from tasks.watching.judging import FIRST_PAUSE, LONGEST_PAUSE, Judgement, judge, pause_after
from tasks.watching.looking import look
from tasks.watching.memory import answer, note_attempt, note_refused, note_waiting, recall
from tests.tasks.watching.material import FILES, params_of, registry_for, train, write_files

WHY = Why("it is right so", "alice")
USED = {"cat": 10, "dog": 10}


@pytest.fixture
def params(workspace: Path) -> Params:
    write_files(FILES)
    return params_of()


def judged(params: Params, moment: datetime | None = None) -> Judgement:
    state = look(params.data)
    return judge(params, state, recall(registry_for(params), state.digest), moment)


def ask(params: Params) -> Judgement:
    """Look, and note what waits, as the watch does."""
    found = judged(params)
    assert found.kind == "AwaitingConsent"
    note_waiting(registry_for(params), found.state.digest, found.reasons, found.classes)
    return found


def test_data_begins_a_run_until_one_has_finished_on_it(params: Params) -> None:
    assert [judged(params).kind for _ in range(3)] == ["Changed"] * 3
    train(params, USED)
    assert judged(params).kind == "Unchanged"
    write_files({"cat/new.png": b"x"})
    found = judged(params)
    assert (found.kind, found.sentence) == ("Changed", "1 file added.")


def test_what_was_changed_while_a_run_was_at_work_begins_the_next(params: Params) -> None:
    seen = look(params.data)
    train(params, USED)
    write_files({"dog/new.png": b"x"})
    assert judged(params).kind == "Changed"
    assert recall(registry_for(params), seen.digest).trained is not None


@pytest.mark.parametrize("ending", ["Held back", "Staged", "Nothing to do"])
def test_a_run_that_released_nothing_has_been_through_the_data_all_the_same(params: Params, ending: str) -> None:
    train(params, USED, ending)
    assert judged(params).kind == "Unchanged"


def test_the_same_files_at_another_place_are_another_source(params: Params) -> None:
    train(params, USED)
    shutil.copytree("pets", "others")
    assert judged(params_of("others")).kind == "Changed"


def test_a_run_that_does_not_finish_is_begun_again_later_and_later(params: Params) -> None:
    digest, now = look(params.data).digest, datetime.now(UTC)
    note_attempt(registry_for(params), digest)
    assert judged(params, now).kind == "Tried"
    assert judged(params, now + timedelta(seconds=FIRST_PAUSE + 2)).kind == "Changed"
    note_attempt(registry_for(params), digest)
    assert judged(params, now + timedelta(seconds=FIRST_PAUSE + 2)).kind == "Tried"
    write_files({"cat/new.png": b"x"})
    assert judged(params, now).kind == "Changed"  # other data has its own tries
    assert pause_after(3) == 4 * FIRST_PAUSE
    assert pause_after(10**9) == LONGEST_PAUSE


def test_new_classes_wait_for_a_person_and_then_begin_a_run(params: Params) -> None:
    train(params, USED)
    write_files({"bird/1.png": b"x"})
    found = ask(params)
    assert found.reasons == ("A class is new: bird.",)
    assert found.classes == ("bird", "cat", "dog")
    registry = registry_for(params)
    answer(registry, found.state.digest[:12], "approved", WHY)
    assert judged(params).kind == "Changed"
    write_files({"fish/1.png": b"x"})
    assert judged(params).kind == "AwaitingConsent"  # that consent was to other data


def test_a_shrunken_source_waits_until_it_is_whole_again(params: Params) -> None:
    train(params, USED)
    for number in range(5):
        Path(f"pets/cat/{number}.png").rename(f"{number}.png")
    assert judged(params).kind == "AwaitingConsent"
    assert judged(params_of(max_shrink=0.25)).kind == "Changed"
    for number in range(5):
        Path(f"{number}.png").rename(f"pets/cat/{number}.png")
    assert judged(params).kind == "Unchanged"


def test_what_a_person_refused_begins_no_run_until_it_changes(params: Params) -> None:
    train(params, USED)
    write_files({"bird/1.png": b"x"})
    digest = ask(params).state.digest
    answer(registry_for(params), digest, "refused", WHY)
    assert judged(params).kind == "Refused"
    Path("pets/bird/1.png").unlink()
    write_files({"cat/new.png": b"x"})
    assert judged(params).kind == "Changed"


def test_data_that_a_run_could_not_use_begins_no_other_unless_a_person_says_so(params: Params) -> None:
    digest = look(params.data).digest
    note_refused(registry_for(params), digest, "\udcff Expected at most 1% …" + "x" * 10_000)
    found = judged(params)
    assert found.kind == "Refused"
    assert "Expected at most 1%" in found.sentence
    answer(registry_for(params), digest, "approved", WHY)
    assert judged(params).kind == "Changed"


def test_what_shows_only_when_samples_are_read_is_asked_after_an_earlier_consent(params: Params) -> None:
    train(params, USED)
    write_files({"bird/1.png": b"x"})
    digest = ask(params).state.digest
    registry = registry_for(params)
    answer(registry, digest, "approved", WHY)
    later = datetime.now(UTC) + timedelta(seconds=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.watching.memory.now", lambda: later.isoformat(timespec="seconds"))
        assert note_waiting(registry, digest, ("A class is gone: dog.",), ("bird", "cat"))
        assert not note_waiting(registry, digest, ("A class is gone: dog.",), ("bird", "cat"))
    assert judged(params).reasons == ("A class is gone: dog.",)


@pytest.mark.parametrize("digest", ["", "abc", "f" * 64, "x" * 10_000, "../../x"])
def test_only_data_that_waits_is_answered(params: Params, digest: str) -> None:
    registry = registry_for(params)
    with pytest.raises(ConfigError, match="none waits"):
        answer(registry, digest, "approved", WHY)
    train(params, USED)
    write_files({"bird/1.png": b"x"})
    waiting = ask(params).state.digest
    with pytest.raises(ConfigError, match=waiting):
        answer(registry, digest, "approved", WHY)


def test_an_event_says_what_differs_and_is_bounded(params: Params) -> None:
    train(params, USED)
    write_files({f"{number:04}-{'x' * 150}/1.png": b"x" for number in range(200)})
    payload = judged(params).payload()
    assert set(payload) == {"digest", "location", "sentence", "reasons", "difference"}
    assert payload["difference"]["new_count"] == 200
    assert len(str(payload)) < 30_000
