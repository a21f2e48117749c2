"""The built-in digits give today what they gave when ``digits.json`` was written.

A change that alters samples, first weights or candidates on purpose writes the file anew, and its message says why.
"""

from pathlib import Path

import pytest

from tests.tasks.golden.making import (
    describe_bytes,
    describe_data,
    describe_file,
    describe_weights,
    first_model,
    golden,
    machine,
    make_candidates,
)


@pytest.fixture(scope="module")
def candidates(prepared: Path) -> dict[str, bytes]:
    return make_candidates(prepared)


def test_samples_and_their_splits_are_the_same_bytes_on_every_machine(prepared: Path) -> None:
    assert describe_data(prepared) == golden()["data"]


def test_training_begins_with_the_same_weights_on_every_machine(prepared: Path) -> None:
    expected, received = golden()["first_weights"], describe_weights(first_model(prepared))
    assert {name: each["shape"] for name, each in received.items()} == {
        name: each["shape"] for name, each in expected.items()
    }
    for name, each in received.items():
        assert each["first"] == pytest.approx(expected[name]["first"], rel=1e-5, abs=1e-7), name


@pytest.mark.slow
def test_recipes_make_the_same_operators_on_every_machine(candidates: dict[str, bytes]) -> None:
    assert {name: describe_file(content) for name, content in candidates.items()} == golden()["candidates"]


@pytest.mark.slow
def test_training_and_recipes_give_the_same_bytes_on_the_same_kind_of_machine(
    prepared: Path, candidates: dict[str, bytes]
) -> None:
    expected = golden()["bytes"]
    if (here := machine()) != expected["machine"]:
        pytest.skip(f"the digests are of another kind of machine: {expected['machine']}, and this is {here}")
    assert describe_bytes(prepared, candidates) == {name: expected[name] for name in ("trained", "candidates")}
