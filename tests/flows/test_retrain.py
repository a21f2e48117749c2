import pytest

from flows import retrain
from flows.retrain import running_order
from tasks.versioning.stages import Stage
from tests.tasks.deployment.project import params_for


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


@pytest.mark.parametrize(
    ("released", "code", "stale"),
    [
        (True, (), set()),  # the model in production is the one that the gate chose: nothing to do
        (True, ("changed",), {"train", "production", "gate"}),  # a new model is compared with it
        (False, (), {"production", "gate"}),
    ],
)
def test_a_model_made_anew_is_compared_with_what_is_in_production_now(
    monkeypatch: pytest.MonkeyPatch, released: bool, code: tuple[str, ...], stale: set[str]
) -> None:
    stages = {
        "train": Stage("train", frozenset(), code, always=False),
        "production": Stage("production", frozenset(), (), always=True),
        "gate": Stage("gate", frozenset({"train", "production"}), (), always=False),
    }
    answers = {
        "read_stages": lambda: stages,
        "source_changed": lambda _: False,
        "already_released": lambda _: object() if released else None,
        "production_changed": lambda _: True,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(retrain, name, answer)
    assert retrain.survey(params_for("file://store")) == (stages, frozenset(stale))
