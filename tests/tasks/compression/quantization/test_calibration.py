from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.compression.quantization.calibration import Calibration, CalibrationSet, Method, calibration_set, draw
from tasks.compression.quantization.float_file import run_file
from tasks.compression.quantization.modes import configurations
from tasks.compression.quantization.ranges import choose_range
from tasks.compression.quantization.static import convert_with_ranges
from tasks.learning.conversion import convert, fold_scaling
from tasks.samples import Inputs
from tests.tasks.compression.cases import Made, context
from tests.tasks.training.material import answers, samples


def with_an_outlier() -> NDArray[np.float32]:
    values = np.abs(np.random.default_rng(1).normal(0, 1, 1_000_000)).astype(np.float32)
    values[77] = 30.0
    return values


def test_minmax_takes_the_outlier_in_and_percentile_leaves_it_out() -> None:
    values = with_an_outlier()
    assert choose_range(values, Calibration()) == (0.0, 30.0)
    low, high = choose_range(values, Calibration(ranges="percentile", percentile=99.9))
    assert low == pytest.approx(0.0, abs=0.01)
    assert high == pytest.approx(3.29, abs=0.1)  # of a normal distribution's magnitudes


@pytest.mark.parametrize("method", ["entropy", "mse"])
def test_entropy_and_mse_clip_where_rounding_loses_more_than_clipping(method: Method) -> None:
    values = with_an_outlier()
    _, high = choose_range(values, Calibration(ranges=method))
    assert 2 < high < 15
    uniform = np.random.default_rng(1).uniform(0, 5, 50_000).astype(np.float32)
    assert choose_range(uniform, Calibration(ranges=method))[1] > 4.8  # nothing to gain by clipping


def test_mse_takes_the_range_at_which_the_rounded_values_are_nearest() -> None:
    values = np.random.default_rng(1).standard_exponential(100_000).astype(np.float32) ** 2  # a long tail

    def error(high: float) -> float:
        step = high / 255
        return float(np.mean((np.clip(np.rint(values / step), 0, 255) * step - values) ** 2))

    _, high = choose_range(values, Calibration(ranges="mse"))
    least = min(error(other) for other in np.linspace(0.02, 1, 300) * float(values.max()))
    assert error(high) < 1.02 * least
    assert error(float(values.max())) > 1.05 * least


def test_percentile_leaves_out_what_it_says_at_each_end() -> None:
    values = np.random.default_rng(1).permutation(np.arange(-5000, 5001, dtype=np.float32))
    low, high = choose_range(values, Calibration(ranges="percentile", percentile=99.0))
    assert (low, high) == pytest.approx((-4900, 4900), abs=1)


def test_zero_is_in_every_range() -> None:
    values = np.linspace(3, 4, 1000, dtype=np.float32)
    for method in ("minmax", "percentile", "mse"):
        assert choose_range(values, Calibration(ranges=method))[0] == 0.0
    assert choose_range(-values, Calibration(ranges="percentile"))[1] == 0.0


def test_images_are_the_first_or_drawn_by_seed_or_class_by_class() -> None:
    labels = np.array([0] * 50 + [1] * 5 + [2] * 45)
    assert draw(labels, Calibration(samples=4)).tolist() == [0, 1, 2, 3]
    drawn = draw(labels, Calibration(samples=20, seed=1))
    assert drawn.tolist() == draw(labels, Calibration(samples=20, seed=1)).tolist()
    assert set(drawn) != set(draw(labels, Calibration(samples=20, seed=2)))
    assert len(set(drawn)) == 20
    balanced = draw(labels, Calibration(samples=15, seed=1, balanced=True))
    assert Counter(labels[balanced].tolist()) == {0: 5, 1: 5, 2: 5}
    # of a class that has no more the others take the place
    assert Counter(labels[draw(labels, Calibration(samples=25, balanced=True))].tolist()) == {0: 10, 1: 5, 2: 10}


def test_the_images_are_those_of_their_indices(prepared: Path) -> None:
    images, labels = samples("train", prepared)
    drawn = calibration_set(Calibration(samples=30, seed=4), context(prepared))
    assert np.array_equal(drawn.inputs.arrays["image"], images[drawn.indices])
    assert np.array_equal(drawn.labels, labels[drawn.indices])
    assert len(calibration_set(Calibration(samples=9999), context(prepared)).inputs) == len(images)


def test_an_outlier_among_the_images_does_not_reach_the_files_ranges(tiny: Any, prepared: Path) -> None:
    images = samples("train", prepared, 200)[0] // 4
    images[17] = 255  # one image that is nothing like the others
    drawn = CalibrationSet(Inputs({"image": images}), np.zeros(200, np.int64), np.arange(200))
    folded = fold_scaling(tiny)
    _, wide = convert_with_ranges(folded, drawn, Calibration())
    file, narrow = convert_with_ranges(folded, drawn, Calibration(ranges="percentile", percentile=99.0))
    assert set(wide["ranges"]) == set(narrow["ranges"])
    assert wide["ranges"]
    for name, (_, high) in wide["ranges"].items():
        assert narrow["ranges"][name][1] < 0.7 * high
    expected = answers(tiny, images[:17])
    assert np.abs(run_file(file, images[:17]) - expected).mean() < 0.05 * np.ptp(expected)


def test_minmax_ranges_give_the_answers_of_the_converters_own(tiny: Any, prepared: Path) -> None:
    drawn = calibration_set(Calibration(samples=50), context(prepared))
    folded, images = fold_scaling(tiny), samples("test", prepared, 200)[0]
    own = convert(folded, configurations(drawn.samples())["int8"], float_input=True)
    assert np.array_equal(run_file(convert_with_ranges(folded, drawn, Calibration())[0], images), run_file(own, images))


def test_the_record_says_what_ranges_were_measured_on(made: Made, prepared: Path) -> None:
    details = made("tiny", "int8 by percentile")[1].steps[0].details
    config = Calibration(samples=100, balanced=True, seed=3)
    drawn = calibration_set(config, context(prepared))
    assert details["calibration"] == drawn.details(tuple("0123456789"))
    assert details["calibration"]["per_class"] == dict.fromkeys("0123456789", 10)
    assert details["ranges"]
    assert made("tiny", "int8")[1].steps[0].details["calibration"]["samples"] == 200
