import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import DataError
from tasks.samples import (
    PREPARED,
    SPLITS,
    TEST_HASHES,
    VALIDATION_HASHES,
    Inputs,
    concatenate,
    read_batches,
    read_dataset,
    read_hashes,
    read_validation_hashes,
    shard_files,
    split_digest,
)
from tests.tasks.data_loading.material import prepared


@pytest.fixture
def digits(workspace: Path) -> None:
    prepared("digits")


def test_batches_have_the_asked_size_except_the_last(digits: None) -> None:
    sizes = [len(images) for images, _ in read_batches("train", 100)]
    assert set(sizes[:-1]) == {100}
    assert 0 < sizes[-1] <= 100
    assert sum(sizes) == read_dataset().splits["train"].samples


@pytest.mark.usefixtures("digits")
def test_batches_are_pixels_and_labels_in_a_fixed_order() -> None:
    for split in SPLITS:
        together = next(read_batches(split, 10_000))
        apart = list(read_batches(split, 33))
        pixels = together[0].arrays["image"]
        assert pixels.dtype == np.uint8
        assert together[1].dtype == np.int64
        assert np.array_equal(pixels, concatenate([images for images, _ in apart]).arrays["image"])
        assert np.array_equal(together[1], np.concatenate([labels for _, labels in apart]))
        assert dict(enumerate(np.bincount(together[1]))) == {
            int(name): count for name, count in read_dataset().splits[split].per_class.items()
        }


@pytest.mark.usefixtures("digits")
def test_a_damaged_or_missing_shard_says_so() -> None:
    (shard,) = shard_files("test")
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(DataError, match="ends within a record"):
        list(read_batches("test", 100))
    shard.unlink()
    with pytest.raises(DataError, match="No such file"):
        list(read_batches("test", 100))


@pytest.mark.usefixtures("digits")
def test_shards_that_do_not_fit_the_description_say_so() -> None:
    description = PREPARED / "dataset.json"
    described = json.loads(description.read_text())
    described["inputs"][0]["shape"][0] = 15
    description.write_text(json.dumps(described))
    with pytest.raises(DataError, match=r"samples of 240 bytes"):
        list(read_batches("test", 100))


@pytest.mark.usefixtures("digits")
def test_a_sample_of_the_test_split_is_known_by_its_image_whatever_size_it_is_brought_to(workspace: Path) -> None:
    before, digest = read_hashes(), split_digest("test")
    assert len(before) == len(set(before.tolist())) == read_dataset().splits["test"].samples
    prepared("digits", image={"height": 12, "width": 12, "channels": 3})
    assert sorted(read_hashes().tolist()) == sorted(before.tolist())
    assert split_digest("test") != digest


@pytest.mark.usefixtures("digits")
def test_a_validation_sample_that_another_cut_makes_a_test_sample_is_known_as_the_same() -> None:
    chosen_on, sealed = read_validation_hashes(), set(read_hashes().tolist())
    assert len(chosen_on) == read_dataset().splits["validation"].samples
    assert not sealed & set(chosen_on.tolist())
    prepared("digits", split={"test": 0.2})  # takes what validation was
    assert sealed | set(chosen_on.tolist()) == set(read_hashes().tolist())


@pytest.mark.usefixtures("digits")
def test_names_of_the_validation_samples_that_are_cut_say_what_to_do() -> None:
    (PREPARED / VALIDATION_HASHES).write_bytes((PREPARED / VALIDATION_HASHES).read_bytes()[:-1])
    with pytest.raises(DataError, match=r"validation\.hashes to name .*dvc repro --force load"):
        read_validation_hashes()
    (PREPARED / VALIDATION_HASHES).unlink()
    assert len(read_validation_hashes()) == 0


@pytest.mark.usefixtures("digits")
def test_data_that_an_earlier_version_has_prepared_names_its_samples_by_the_old_names() -> None:
    sealed, chosen_on = read_hashes(), read_validation_hashes()
    (PREPARED / TEST_HASHES).rename(PREPARED / "test.places")
    (PREPARED / VALIDATION_HASHES).rename(PREPARED / "validation.places")
    assert (read_hashes() == sealed).all()
    assert (read_validation_hashes() == chosen_on).all()


@pytest.mark.usefixtures("digits")
def test_names_of_the_test_samples_that_are_missing_say_what_to_do() -> None:
    (PREPARED / TEST_HASHES).write_bytes((PREPARED / TEST_HASHES).read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test\.hashes to name .* test samples.*dvc repro --force load"):
        read_hashes()


@pytest.mark.usefixtures("digits")
def test_the_digest_of_a_split_is_of_its_samples_and_not_of_their_packing() -> None:
    digests = {split: split_digest(split) for split in SPLITS}
    prepared("digits", shard_bytes=1 << 16)
    assert len(shard_files("train")) > 1
    assert {split: split_digest(split) for split in SPLITS} == digests
    assert len(set(digests.values())) == len(SPLITS)


def test_nothing_prepared_says_what_to_do(workspace: Path) -> None:
    with pytest.raises(DataError, match=r"dataset.json.*slimline run"):
        next(read_batches("test", 1))


def test_reading_needs_neither_tensorflow_nor_pillow() -> None:
    code = (
        "import sys, tasks.samples, tasks.tfrecord as t\n"
        "t.decode(t.encode(t.Sample({'image': b'x'}, 1, 'y')), ['image'])\n"
        "print({'tensorflow', 'PIL', 'boto3', 'sklearn'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_inputs_are_cut_as_an_array_of_samples_is() -> None:
    inputs = Inputs({"ids": np.arange(6, dtype=np.int32), "amounts": np.arange(12, dtype=np.float32).reshape(6, 2)})
    assert len(inputs) == 6
    assert inputs[1:3].arrays["ids"].tolist() == [1, 2]
    assert inputs[np.array([5, 0])].arrays["amounts"].tolist() == [[10, 11], [0, 1]]
    assert inputs[inputs.arrays["ids"] % 2 == 1].arrays["ids"].tolist() == [1, 3, 5]
    again = concatenate([inputs[:2], inputs[2:]])
    assert again.tobytes() == inputs.tobytes() == inputs.arrays["ids"].tobytes() + inputs.arrays["amounts"].tobytes()
    assert [sample.arrays["amounts"].shape for sample in inputs] == [(1, 2)] * 6
    with pytest.raises(ValueError, match="as many samples in each input"):
        Inputs({"ids": np.arange(6), "amounts": np.arange(5)})
    with pytest.raises(ValueError, match="as many samples in each input"):
        Inputs({})
    with pytest.raises(ValueError, match="Received: none"):
        concatenate([])
