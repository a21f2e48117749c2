import pytest

from tasks.causes import HAND, MOST, PAGES, SCHEDULE, Cause, read_cause, run_name, run_tags

DIGEST = "ab" * 32


def test_an_event_names_the_data_and_says_why() -> None:
    cause = read_cause({"data": DIGEST, "sentence": "3 files added."})
    assert (cause.kind, cause.data, cause.sentence) == ("data", DIGEST, "3 files added.")


@pytest.mark.parametrize(
    "given",
    [
        "text",
        7,
        [],
        {},
        {"data": None, "sentence": None},
        {"data": "../x", "sentence": 1},
        {"data": [DIGEST], "sentence": ["x"]},
        {"data": DIGEST.upper() + "\n", "sentence": ""},
    ],
)
def test_an_event_of_another_form_is_a_change_that_nothing_is_known_of(given: object) -> None:
    cause = read_cause(given)
    assert (cause.kind, cause.data, cause.sentence) == ("data", None, "the data changed")


def test_the_words_of_an_event_are_bounded_text() -> None:
    cause = read_cause({"data": DIGEST, "sentence": "\x1b[31m\u202e" + "long " * 1_000_000, "more": "x" * 10**6})
    assert len(cause.sentence) == MOST
    assert cause.sentence.isprintable()
    assert cause.sentence.startswith(r"\x1b[31m\u202elong")


def test_only_a_person_at_a_terminal_is_there_to_see() -> None:
    assert [cause.is_attended for cause in (HAND, PAGES, SCHEDULE, read_cause({}))] == [True, False, False, False]


@pytest.mark.parametrize(
    ("cause", "digest", "name"),
    [
        (HAND, None, "digits, by hand"),
        (SCHEDULE, DIGEST, "digits, by its schedule, data abababababab"),
        (PAGES, DIGEST, "digits, from the pages, data abababababab"),
        (read_cause({"data": DIGEST}), DIGEST, "digits, data changed, data abababababab"),
    ],
)
def test_a_run_is_named_after_its_model_its_cause_and_its_data(cause: Cause, digest: str | None, name: str) -> None:
    assert run_name("digits", cause, digest) == name
    assert run_tags("digits", cause) == ("model:digits", f"cause:{cause.kind}")
