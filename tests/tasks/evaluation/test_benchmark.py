from pathlib import Path

import pytest

from tasks.compression.records import candidate_model
from tasks.errors import EvaluationError
from tasks.evaluation.benchmark import benchmark, models_to_measure
from tasks.evaluation.records import BENCHMARK, PRODUCTION_TFLITE, BenchmarkReport
from tasks.files import sha256
from tasks.records import read_record
from tests.tasks.evaluation.material import RECIPES, params_with


def test_every_model_is_measured_against_the_baseline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark(params_with())
    report = read_record(BENCHMARK, BenchmarkReport)
    assert list(report.models) == ["baseline", *RECIPES]
    assert (report.threads, report.rounds, report.batch) == (1, 10, 8)
    assert report.extent == "2 processes of 10 interleaved rounds"
    assert report.runtime.startswith("ai-edge-litert 2")
    baseline = report.models["baseline"]
    assert (baseline.latency_ratio.low, baseline.latency_ratio.high) == (1, 1)
    for name, speed in report.models.items():
        assert [len(rounds) for rounds in speed.rounds_us] == [10, 10]
        assert speed.batch == 8
        assert 0 < speed.median_us <= speed.p95_us
        assert speed.samples_per_second > 0
        ratio = speed.latency_ratio
        assert ratio.low <= ratio.value <= ratio.high
        assert ratio.value == pytest.approx(speed.median_us / baseline.median_us, rel=0.5)
        assert name in capsys.readouterr().out or name != "baseline"
    assert report.models["int8"].sha256 == sha256(candidate_model("int8"))


def test_production_is_measured_when_there_is_a_release(project: Path, models: Path) -> None:
    assert "production" not in models_to_measure(params_with())
    PRODUCTION_TFLITE.write_bytes((models / "digits_int8.tflite").read_bytes())
    assert models_to_measure(params_with())["production"] == PRODUCTION_TFLITE


def test_a_missing_candidate_is_named(project: Path) -> None:
    candidate_model("int8").unlink()
    with pytest.raises(EvaluationError, match="Expected the model of int8"):
        models_to_measure(params_with())


def test_less_than_was_asked_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"processes": 2, "rounds": 1000, "warmup": 0, "batch": 4, "seconds": 1e-6}
    benchmark(params_with(benchmark=settings))
    report = read_record(BENCHMARK, BenchmarkReport)
    assert report.measured_rounds == (3, 3)
    assert report.extent == "2 processes of 3 interleaved rounds in place of 1000, as 1e-06 s were up"
    assert report.extent in capsys.readouterr().out
