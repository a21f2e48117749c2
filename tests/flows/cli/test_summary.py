import re

import pytest

from flows.cli.summary import print_releases, print_results
from tasks.deployment.records import Release
from tasks.evaluation.gate import choose
from tests.integration.test_own_outcome import ratings


def release(version: int, metrics: dict[str, float]) -> Release:
    return Release(
        model="shades",
        version=version,
        created="2026-01-01",
        recipe="int8",
        stored_bytes=10,
        loaded_bytes=20,
        metrics=metrics,
        channels=(),
        manifest_sha256="a" * 64,
    )


def test_releases_may_be_measured_by_different_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    print_releases("shades", [release(2, {"accuracy": 0.75, "recall": 0.5}), release(1, {"accuracy": 0.625})])
    lines = [list(map(str.strip, re.split("[│┃]", line))) for line in capsys.readouterr().out.splitlines()]
    head, newest, oldest = (line for line in lines if len(line) > 3)
    shown = [dict(zip(head, line, strict=True)) for line in (newest, oldest)]
    assert [(row["Accuracy"], row["Recall"]) for row in shown] == [("0.7500", "0.5000"), ("0.6250", "")]


def test_candidates_are_shown_by_the_first_metric_of_their_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    results = ratings({"baseline": 0.3, "a": 0.31}, [{"metric": "rmse", "margin": 0.1}])
    results = type(results)(**{**vars(results), "gate": choose(results)})
    print_results(results)
    out = capsys.readouterr().out
    assert "Rmse" in out
    assert "Accuracy" not in out
