import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.line.keys import alike, artifact_key
from tests.tasks.hostile import NASTY

KEY = re.compile(r"[a-z0-9-]{1,100}")  # what Prefect takes


@pytest.mark.parametrize("name", ["candidates", "history-digits", "per-class", "a"])
def test_a_name_that_is_a_key_stays(name: str) -> None:
    assert artifact_key(name) == name


@given(st.one_of(st.text(), st.sampled_from(NASTY), st.text(max_size=3000)))
def test_whatever_the_name_is_there_is_a_key(name: str) -> None:
    assert KEY.fullmatch(artifact_key(name))


def test_a_stage_keeps_its_words() -> None:
    assert alike("progress-compress@dynamic_int8") == "progress-compress-dynamic-int8"


def test_names_that_look_alike_have_keys_of_their_own() -> None:
    names = ["my-model", "my_model", "my.model", "My-model", "my--model", "-", "", "_"]
    assert len({artifact_key(name) for name in names}) == len(names)
