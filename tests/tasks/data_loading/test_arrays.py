from pathlib import Path

import numpy as np
import pytest

from tasks.data_loading.arrays import prepare_arrays
from tasks.errors import DataError
from tasks.samples import Inputs, read_batches, read_dataset, read_hashes
from tasks.workloads import find_workload


def inputs(count: int) -> Inputs:
    return Inputs({"ids": np.arange(count, dtype=np.int64) + 3, "amounts": np.ones((count, 2), np.float32)})


def test_arrays_become_shards_that_are_read_like_others(tmp_path: Path) -> None:
    parts = {"train": (inputs(5), np.array([10, 9, 10, 9, 2])), "test": (inputs(2), np.array([2, 2]))}
    dataset = prepare_arrays(parts, tmp_path / "prepared")  # type: ignore[arg-type]
    assert dataset == read_dataset(tmp_path / "prepared")
    assert dataset.classes == ("2", "9", "10")
    ids, amounts = dataset.inputs
    assert (ids.dtype, ids.shape, ids.low, ids.high, amounts.dtype) == ("int64", (), 3, 7, "float32")
    ((given, labels),) = read_batches("train", 10, tmp_path / "prepared")
    assert given.arrays["ids"].tolist() == [3, 4, 5, 6, 7]
    assert labels.tolist() == [2, 1, 2, 1, 0]
    assert list(read_batches("validation", 10, tmp_path / "prepared")) == []
    assert len(read_hashes(tmp_path / "prepared")) == 2
    made_up = find_workload(dataset.workload).noise(dataset.inputs, 3)
    assert made_up["ids"].tolist() == [3, 7, 3]


def test_arrays_that_are_no_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two classes"):
        prepare_arrays({"train": (inputs(3), np.zeros(3, np.int64))}, tmp_path / "one")
    other = Inputs({"ids": np.zeros(3, np.int32), "amounts": np.ones((3, 2), np.float32)})
    with pytest.raises(DataError, match="one type and shape in ids"):
        prepare_arrays({"train": (inputs(3), np.arange(3)), "validation": (other, np.arange(3))}, tmp_path / "other")
