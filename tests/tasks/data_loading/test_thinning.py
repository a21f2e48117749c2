from pathlib import Path

import numpy as np

from tasks.data_loading.thinning import thin
from tasks.files import sha256
from tasks.samples import read_batches, read_dataset
from tests.tasks.training.material import prepare_digits


def test_the_first_samples_stay_and_the_test_split_is_as_it_was(tmp_path: Path) -> None:
    folder = prepare_digits(tmp_path / "prepared")
    before = read_dataset(folder)
    (images, labels) = next(read_batches("train", 50, folder))
    made = thin(folder, {"train": 50, "validation": 10_000})
    assert made == read_dataset(folder)
    assert made.splits["train"].samples == sum(made.splits["train"].per_class.values()) == 50
    assert made.splits["validation"] == before.splits["validation"]
    assert made.splits["test"] == before.splits["test"]
    assert all(sha256(folder / shard.file) == shard.sha256 for part in made.splits.values() for shard in part.shards)
    ((kept, of),) = read_batches("train", 100, folder)
    assert np.array_equal(kept.arrays["image"], images.arrays["image"])
    assert np.array_equal(of, labels)
