import random
from pathlib import Path

import pytest

from tasks.data_loading.shards import ShardWriter
from tasks.tfrecord import Sample, encode, frame


@pytest.mark.parametrize("shard_bytes", [1, 700, 5000, 1 << 20])
def test_many_records_at_once_make_the_shards_that_they_make_one_by_one(tmp_path: Path, shard_bytes: int) -> None:
    rng = random.Random(1)
    records = [
        (frame(encode(Sample({"image": rng.randbytes(rng.randrange(200))}, number % 3, str(number)))), number % 3)
        for number in range(90)
    ]
    made = []
    for folder, step in (("single", 1), ("many", 37)):
        (tmp_path / folder).mkdir()
        with ShardWriter(tmp_path / folder, "train", ("a", "b", "c"), shard_bytes) as writer:
            for start in range(0, len(records), step):
                part = records[start : start + step]
                writer.add_records(
                    b"".join(record for record, _ in part), [len(record) for record, _ in part], [of for _, of in part]
                )
            writer.add_records(b"", [], [])
            made.append(writer.part())
    assert made[0] == made[1]
    assert made[0].per_class == {"a": 30, "b": 30, "c": 30}
    assert len(made[0].shards) > 1 or shard_bytes == 1 << 20
