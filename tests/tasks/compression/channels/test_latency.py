from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compression.channels import latency
from tasks.compression.channels.latency import (
    FACTOR,
    PLAN,
    PRUNED,
    UNPRUNED,
    Limit,
    falling_budgets,
    time_trial,
    widest,
)
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate, LatencyTrial
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Result, Subject
from tasks.compression.techniques.prune_channels import Budget, PruneChannels
from tasks.errors import CompressionError
from tasks.learning.conversion import to_tflite
from tasks.timing.intervals import ratio
from tasks.timing.worker import Timings
from tests.tasks.compression.cases import context
from tests.tasks.training.material import samples


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_the_widest_network_that_fits_is_found_with_few_measurements(count: int) -> None:
    for first in range(count + 1):
        asked: list[int] = []

        def fits(index: int, first: int = first, asked: list[int] = asked) -> bool:
            asked.append(index)
            return index >= first

        assert widest(count, fits) == (first if first < count else None)
        assert len(asked) <= np.ceil(np.log2(count + 1))
        assert len(set(asked)) == len(asked)


def test_budgets_fall_by_a_factor_from_all_to_the_least() -> None:
    budgets = falling_budgets(1_000_000, 40_000)
    assert (budgets[0], budgets[-1]) == (1_000_000, 40_000)
    ratios = np.array(budgets[1:-1]) / budgets[:-2]
    assert np.allclose(ratios, FACTOR, atol=1e-4)
    assert FACTOR - 1e-4 <= budgets[-1] / budgets[-2] <= 1
    assert falling_budgets(500, 500) == [500]


def made_up(generator: np.random.Generator) -> Timings:
    """A process in which the pruned network takes half of the time, 50 µs, whatever else the machine does."""
    load = generator.lognormal(0.0, 0.1, 25)
    layout = generator.normal(1.0, 0.01)
    pruned = 50 * layout * load * generator.normal(1.0, 0.02, 25)
    return Timings(latencies={UNPRUNED: tuple(100 * load), PRUNED: tuple(pruned)}, throughputs={}, batches={})


@pytest.mark.parametrize(("relative", "value", "clear"), [(True, 0.7, True), (True, 0.5, False), (False, 70.0, True)])
def test_a_limit_in_the_interval_is_undecided_and_not_met(relative: bool, value: float, clear: bool) -> None:
    rng = np.random.default_rng(1)
    processes = [made_up(rng) for _ in range(PLAN.processes)]
    limit = Limit(value, relative)
    assert limit.undecided(processes) != clear
    assert (limit.seen(processes).high <= value) == clear


def test_a_ratio_is_limited_by_the_interval_that_the_gate_takes() -> None:
    rng = np.random.default_rng(1)
    processes = [made_up(rng) for _ in range(PLAN.processes)]
    expected = ratio(
        [timings.latencies[PRUNED] for timings in processes],
        [timings.latencies[UNPRUNED] for timings in processes],
        0.99,
    )
    assert Limit(0.5, relative=True).seen(processes) == expected


def test_processes_are_added_while_the_interval_holds_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, asked = np.random.default_rng(1), []

    def timed(*_: Any) -> tuple[Timings, ...]:
        asked.append(PLAN.processes)
        return tuple(made_up(rng) for _ in range(PLAN.processes))

    monkeypatch.setattr(latency, "time_models", timed)
    images = np.zeros((1, 8, 8, 1), np.uint8)
    assert time_trial(b"", b"", 1, Limit(0.7, relative=True), images).fits
    assert len(asked) == 1
    assert not time_trial(b"", b"", 1, Limit(0.5, relative=True), images).fits
    assert len(asked) > 2


def test_a_network_timed_beside_itself_takes_as_long(
    tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "PLAN", replace(PLAN, processes=2, rounds=5))
    flatbuffer, images = to_tflite(tiny), samples("validation", prepared, 8)[0]
    trial = time_trial(flatbuffer, flatbuffer, 1, Limit(100.0, relative=True), images)
    assert trial.fits
    assert 0.2 < trial.ratio < 5
    assert trial.microseconds > 0
    assert not time_trial(flatbuffer, flatbuffer, 1, Limit(1e-6, relative=True), images).fits


def prune(model: Any, prepared: Path, budget: dict[str, Any], rounds: int = 2) -> Result:
    technique = PruneChannels.model_validate(
        {"technique": "prune_channels", "repair": "none", "rounds": rounds, "budget": budget}
    )
    return technique.apply(Subject(model), context(prepared))


@pytest.fixture
def few_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take larger steps between budgets, so that fewer networks are made."""
    monkeypatch.setattr(latency, "FACTOR", 0.75)


@pytest.mark.usefixtures("few_budgets")
def test_the_recorded_macs_give_the_same_bytes_as_what_was_measured(
    tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed(unpruned: bytes, pruned: bytes, macs: int, *_: Any) -> LatencyTrial:
        share = len(pruned) / len(unpruned)  # as if time went by bytes
        return LatencyTrial(macs=macs, microseconds=90 * share, ratio=share, upper=share, fits=share <= 0.4)

    monkeypatch.setattr(latency, "time_trial", timed)
    check_trials(tiny, prepared, 0.4)


@pytest.mark.usefixtures("few_budgets")
def test_what_was_decided_by_time_earlier_is_not_timed_again(
    tiny: Any, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 0.4

    def timed(unpruned: bytes, pruned: bytes, macs: int, *_: Any) -> LatencyTrial:
        share = len(pruned) / len(unpruned)
        return LatencyTrial(macs=macs, microseconds=1.0, ratio=share, upper=share, fits=share <= limit)

    def make(folder: str, rounds: int, earlier: Candidate | None) -> tuple[bytes, Candidate]:
        budget = {"metric": "latency", "max_ratio": 0.5}
        step = {"technique": "prune_channels", "rounds": rounds, "budget": budget, "repair": "none"}
        return run_recipe("quick", parse_recipe("quick", [step]), tiny, context(prepared), tmp_path / folder, earlier)

    monkeypatch.setattr(latency, "time_trial", timed)
    flatbuffer, candidate = make("first", 1, None)
    limit = 0.7  # as on a faster machine
    assert make("anew", 1, None)[0] != flatbuffer
    again, record = make("again", 1, candidate)
    assert again == flatbuffer
    assert record.steps[0].trials == candidate.steps[0].trials
    assert make("another step", 2, candidate)[1].steps[0].trials != candidate.steps[0].trials


@pytest.mark.slow
def test_a_latency_measured_for_real_is_met_by_the_widest_network(article: Any, prepared: Path) -> None:
    check_trials(article, prepared, 0.7)


def check_trials(model: Any, prepared: Path, ratio: float) -> None:
    measured = prune(model, prepared, {"metric": "latency", "max_ratio": ratio})
    fitting = [trial for trial in measured.trials if trial.fits]
    assert fitting
    assert all(trial.upper <= ratio for trial in fitting)
    assert fitting[-1].macs == max(trial.macs for trial in fitting)
    assert all(trial.macs > fitting[-1].macs for trial in measured.trials if not trial.fits)
    assert LatencyTrial.model_validate_json(fitting[-1].model_dump_json()) == fitting[-1]
    pinned = prune(model, prepared, {"metric": "macs", "max": fitting[-1].macs})
    assert pinned.trials == ()
    assert to_tflite(pinned.subject.network) == to_tflite(measured.subject.network)


@pytest.mark.usefixtures("few_budgets")
def test_what_is_timed_as_int8_is_the_file_of_8_bits(
    article: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []

    def look(unpruned: bytes, pruned: bytes, macs: int, *_: Any) -> LatencyTrial:
        sizes.append((len(unpruned), len(pruned)))
        return LatencyTrial(macs=macs, microseconds=1.0, ratio=0.1, upper=0.1, fits=True)

    monkeypatch.setattr(latency, "time_trial", look)
    as_float, as_int8 = (
        prune(article, prepared, {"metric": "latency", "max_ratio": 0.5, "timed_as": timed_as}, rounds=1)
        for timed_as in ("float32", "int8")
    )
    half = len(sizes) // 2
    assert [trial.macs for trial in as_int8.trials] == [trial.macs for trial in as_float.trials]
    for (whole, floats), (same, integers) in zip(sizes[:half], sizes[half:], strict=True):
        assert whole == same
        assert integers < 0.5 * floats


def test_only_a_latency_is_timed() -> None:
    with pytest.raises(ValueError, match=r"metric latency alone\. Received: macs"):
        Budget(metric="macs", max_ratio=0.5, timed_as="int8")


@pytest.mark.usefixtures("few_budgets")
def test_a_latency_that_no_width_has_is_refused_with_the_fastest(
    tiny: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(unpruned: bytes, pruned: bytes, macs: int, limit: Limit, *_: Any) -> LatencyTrial:
        return LatencyTrial(macs=macs, microseconds=9.5, ratio=0.6, upper=0.7, fits=limit.value > 0.7)

    monkeypatch.setattr(latency, "time_trial", slow)
    with pytest.raises(CompressionError, match=r"at its narrowest it takes [\d.]+ µs.*Received: 0\.001\."):
        prune(tiny, prepared, {"metric": "latency", "max_ratio": 0.001})
