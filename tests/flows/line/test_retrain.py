import pytest
from prefect import flow

from flows.line import retrain
from flows.line.retrain import look, running_order
from flows.line.staleness import Survey
from tasks.config import load_params
from tasks.errors import DataError, SourceError
from tasks.versioning.stages import Stage


def stage(name: str, *needs: str) -> Stage:
    return Stage(name, frozenset(needs), (), always=False)


def test_the_benchmark_comes_after_all_that_does_not_need_it_and_before_what_does() -> None:
    stages = [
        stage("train"),
        stage("benchmark", "train"),
        stage("evaluate", "train"),
        stage("gate", "benchmark", "evaluate"),
    ]
    assert running_order({each.name: each for each in stages}) == ["train", "evaluate", "benchmark", "gate"]


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(("error", "tries"), [(SourceError, 3), (DataError, 1)])
def test_a_source_that_does_not_answer_is_asked_again_before_the_run_fails(
    error: type[DataError], tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def survey(*_: object) -> Survey:
        asked.append(1)
        raise error("Expected an answer. Received: none.")

    monkeypatch.setattr(retrain, "survey", survey)
    monkeypatch.setattr(retrain, "registry_of", lambda _: None)
    monkeypatch.setattr(retrain, "expect_release_possible", lambda *_: None)

    @flow(validate_parameters=False)
    def line() -> None:
        look.with_options(retry_delay_seconds=0)(load_params())

    with pytest.raises(error, match="Expected an answer"):
        line()
    assert len(asked) == tries
