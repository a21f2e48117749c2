from pathlib import Path

import numpy as np

from tasks.drift.profiling import BINS, in_bins, profile_of, profile_prepared
from tasks.records import write_record
from tasks.samples import PREPARED, SPLITS, Inputs, TensorSpec
from tasks.workloads.statistics import statistics_of
from tests.flows.shades import write_split
from tests.tasks.deployment.project import dataset


def spec(dtype: str, shape: tuple[int, ...], low: float = 0, high: float = 255) -> TensorSpec:
    return TensorSpec(name="x", dtype=dtype, shape=shape, low=low, high=high)


def test_statistics_are_those_that_mean_something() -> None:
    names = [
        list(statistics_of((each,)))
        for each in (
            spec("uint8", (4, 4, 1)),
            spec("uint8", (4, 4, 3)),
            spec("float32", ()),
            spec("int32", (8,), high=5000),
            spec("float32", (3,), low=1, high=1),
        )
    ]
    assert names == [
        ["x mean", "x contrast"],
        ["x mean", "x contrast", "x red", "x green", "x blue"],
        ["x mean"],
        [],
        [],
    ]


def test_bins_are_fixed_and_hold_every_value() -> None:
    values = np.array([-5.0, 0.0, 7.9, 8.0, 254.9, 255.0, 900.0])
    counts = in_bins(values, 0, 255)
    assert counts.sum() == len(values)
    assert (counts[0], counts[1], counts[-1]) == (3, 1, 3)


def test_a_profile_is_the_same_in_whatever_batches_samples_come() -> None:
    images = np.random.default_rng(1).integers(0, 256, (100, 4, 4, 3), np.uint8)
    specs = (spec("uint8", (4, 4, 3)),)
    targets = np.arange(100) % 3
    whole = profile_of("image", specs, [(Inputs({"x": images}), targets)], ("a", "b", "c"))
    parts = [(Inputs({"x": images[at : at + 7]}), targets[at : at + 7]) for at in range(0, 100, 7)]
    assert profile_of("image", specs, parts, ("a", "b", "c")) == whole
    assert whole.classes == {"a": 34, "b": 33, "c": 33}
    assert all(sum(each.counts) == 100 and len(each.counts) == BINS for each in whole.statistics.values())


def test_targets_that_are_no_classes_have_a_histogram_of_their_own() -> None:
    target = TensorSpec(name="rating", dtype="float32", shape=(), low=1, high=5)
    batch = Inputs({"x": np.zeros((4, 2), np.int32)})
    made = profile_of("image", (spec("int32", (2,)),), [(batch, np.array([1, 5, 5, 3], np.float32))], (), target)
    assert made.classes == {}
    assert list(made.statistics) == ["rating"]
    assert made.statistics["rating"].counts[-1] == 2


def test_nothing_of_the_sealed_test_split_gets_into_a_profile(workspace: Path) -> None:
    parts = {split: write_split(split, count, 0) for split, count in zip(SPLITS, (60, 20, 400), strict=True)}
    write_record(PREPARED / "dataset.json", dataset().model_copy(update={"splits": parts}))
    made = profile_prepared()
    assert made.samples == 80
    assert made.classes == {"dark": 40, "light": 40}
    assert {sum(each.counts) for each in made.statistics.values()} == {80}
