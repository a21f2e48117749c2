from pathlib import Path

import pytest

from flows.line import retrain as line
from flows.line.retrain import retrain, running_order
from tasks.config import Versioning
from tasks.errors import VersioningError
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
