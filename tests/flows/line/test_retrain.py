from flows.line.retrain import running_order
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
