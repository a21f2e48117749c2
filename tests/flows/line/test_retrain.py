from pathlib import Path

import pytest
from prefect import flow

from flows.line import retrain as line
from flows.line.retrain import look, retrain, running_order
from flows.line.staleness import Survey
from tasks.config import Versioning, load_params
from tasks.errors import DataError, SourceError, VersioningError
from tasks.versioning.stages import Stage
from tests.tasks.deployment.project import params_for
from tests.tasks.versioning.records import begin, forget_everybody, name_somebody


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


def test_a_missing_identity_of_git_ends_a_run_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_somebody(monkeypatch)
    monkeypatch.chdir(begin(tmp_path / "project"))
    forget_everybody(monkeypatch)
    monkeypatch.setattr(line, "retrain_flow", None)
    recipes = {"int8": [{"technique": "quantize", "mode": "int8"}]}
    changes = {"versioning": Versioning(commit=True), "recipes": recipes}
    params = params_for(f"file://{tmp_path / 'store'}").model_copy(update=changes)
    with pytest.raises(VersioningError, match="to know who commits"):
        retrain(params)


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(("error", "tries"), [(SourceError, 3), (DataError, 1)])
def test_a_source_that_does_not_answer_is_asked_again_before_the_run_fails(
    error: type[DataError], tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def survey(*_: object) -> Survey:
        asked.append(1)
        raise error("Expected an answer. Received: none.")

    monkeypatch.setattr(line, "survey", survey)
    monkeypatch.setattr(line, "registry_of", lambda _: None)
    monkeypatch.setattr(line, "expect_release_possible", lambda *_: None)

    @flow(validate_parameters=False)
    def alone() -> None:
        look.with_options(retry_delay_seconds=0)(load_params())

    with pytest.raises(error, match="Expected an answer"):
        alone()
    assert len(asked) == tries
