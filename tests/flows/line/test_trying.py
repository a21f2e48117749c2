from pathlib import Path

import pytest

from flows.line.trying import needed
from tasks.versioning.stages import Stage, read_stages

REPOSITORY = Path(__file__).parents[3]


def stage(name: str, *needs: str) -> Stage:
    return Stage(name, frozenset(needs), (), always=False)


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return read_stages(REPOSITORY)


def test_some_recipes_need_their_own_stages_and_the_baselines_alone(stages: dict[str, Stage]) -> None:
    names = set(needed(stages, ["int8", "fast"]))
    assert {"load", "train", "evaluate-baseline"} < names
    assert {each for each in names if "@" in each} == {
        f"{stage}@{name}" for stage in ("compress", "evaluate") for name in ("int8", "fast")
    }


def test_nothing_that_chooses_or_looks_at_the_store_is_among_them(stages: dict[str, Stage]) -> None:
    names = set(needed(stages, ["int8"]))
    assert not names & {"gate", "benchmark", "production", "evaluate-production"}


def test_the_order_is_that_of_a_whole_run() -> None:
    every = [stage("a"), stage("evaluate-baseline", "a"), stage("compress@x", "a"), stage("evaluate@x", "compress@x")]
    other = stage("evaluate@y")
    found = needed({each.name: each for each in (other, *every)}, ["x"])
    assert list(found) == [each.name for each in every]
