import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import DataError
from tasks.tfrecord import Sample, decode, encode, frame, read_records

SAMPLES = [Sample({"image": bytes(range(48))}, label, f"kätzchen/{label}.png") for label in (0, 1, 300)]

# Reads our shard with tf.data, writes one with TensorFlow's own writer, says what it read.
TENSORFLOW = """
import json, sys
import tensorflow as tf
ours, theirs = sys.argv[1:]
features = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "name": tf.io.FixedLenFeature([], tf.string),
}
read = []
with tf.io.TFRecordWriter(theirs) as writer:
    for record in tf.data.TFRecordDataset(ours):
        one = {key: value.numpy() for key, value in tf.io.parse_single_example(record, features).items()}
        read.append([one["image"].hex(), int(one["label"]), one["name"].decode()])
        bytes_of = lambda value: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        label = tf.train.Feature(int64_list=tf.train.Int64List(value=[one["label"]]))
        feature = {"name": bytes_of(one["name"]), "label": label, "image": bytes_of(one["image"])}
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
from tasks.tfrecord import decode
decode(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(), ["image"])
print(json.dumps(read))
"""


def test_a_target_of_another_kind_is_a_float_by_its_own_name() -> None:
    sample = Sample({"marks": b"marks"}, 3.5, "shop/1")
    assert decode(encode(sample, "stars"), ["marks"], "stars") == sample
    with pytest.raises(DataError, match="one marks, one label and one name"):
        decode(encode(sample, "stars"), ["marks"])


def test_each_input_is_a_feature_of_its_name() -> None:
    sample = Sample({"history": b"12345678", "item": b"1234"}, 1, "line 7")
    assert decode(encode(sample), ["item", "history"]) == sample
    with pytest.raises(DataError, match="one history, one user, one label and one name"):
        decode(encode(sample), ["history", "user"])


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "ours.tfrecord"
    path.write_bytes(b"".join(frame(encode(sample)) for sample in SAMPLES))
    return path


def test_what_is_written_is_read_back(shard: Path) -> None:
    assert [decode(record, ["image"]) for record in read_records(shard)] == SAMPLES


def test_tensorflow_reads_ours_and_we_read_tensorflows(shard: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.tfrecord"
    run = subprocess.run(
        [sys.executable, "-c", TENSORFLOW, str(shard), str(theirs)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [[sample.inputs["image"].hex(), sample.target, sample.name] for sample in SAMPLES]
    assert [decode(record, ["image"]) for record in read_records(theirs)] == SAMPLES


def test_a_shard_that_is_cut_short_is_found_out_at_every_byte(tmp_path: Path) -> None:
    whole = frame(encode(SAMPLES[0]))
    path = tmp_path / "cut.tfrecord"
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match="ends within a record"):
            list(read_records(path))


def test_a_changed_byte_is_found_out_wherever_it_is(tmp_path: Path) -> None:
    whole = frame(encode(SAMPLES[0]))
    path = tmp_path / "changed.tfrecord"
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DataError, match="wrong checksum"):
            list(read_records(path))


def test_a_missing_shard_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No such file.*dvc repro load"):
        list(read_records(tmp_path / "none.tfrecord"))


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff", b"\x0a\x00"])
def test_what_is_no_sample_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="one image, one label and one name"):
        decode(content, ["image"])
