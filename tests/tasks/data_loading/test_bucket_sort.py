import hashlib
import random
from pathlib import Path

import pytest

from tasks.data_loading import bucket_sort
from tasks.data_loading.bucket_sort import Bucket, BucketWriter, equal_runs, pack

Given = tuple[bytes, str, bytes]  # digest, name, content


def drawn(count: int, seed: int = 1) -> list[Given]:
    """Samples of one bucket; some are equal, names and contents have any length."""
    rng = random.Random(seed)
    digests = [b"\x07" + hashlib.blake2b(bytes([number]), digest_size=15).digest() for number in range(100)]
    return [
        (rng.choice(digests), "ä" * rng.randrange(5) + f"{number}.png", rng.randbytes(rng.choice([0, 5, 300])))
        for number in range(count)
    ]


def written(folder: Path, samples: list[Given]) -> Path:
    folder.mkdir()
    with BucketWriter(folder) as writer:
        for digest, name, content in samples:
            writer.add([pack(digest, 3, 4, None, name, content, 5)])
        assert writer.finish() == writer.finish()
        return writer.paths[7]


@pytest.mark.parametrize("whole", [bucket_sort.WHOLE, 0])
@pytest.mark.parametrize("buffer", [1, 2000, 1 << 16])
def test_samples_come_back_by_digest_then_by_name_whatever_the_order_and_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffer: int, whole: int
) -> None:
    monkeypatch.setattr(bucket_sort, "BUFFER", buffer)
    monkeypatch.setattr(bucket_sort, "WHOLE", whole)
    samples = drawn(300)
    with Bucket(written(tmp_path / "a", samples)) as bucket:
        rows, offsets = bucket.index()
        names = [name.decode() for name in bucket.names(rows, offsets)]
        found = list(zip(rows["digest"].tolist(), names, bucket.contents(rows, offsets), strict=True))
    expected = sorted(samples)
    assert [(name, content) for _, name, content in found] == [(name, content) for _, name, content in expected]
    assert [b"".join(part.to_bytes(8, "big") for part in digest) for digest, _, _ in found] == [
        digest for digest, _, _ in expected
    ]
    assert rows["digest"].tobytes() == b"".join(digest for digest, _, _ in expected)


def test_runs_are_of_equal_digests_alone(tmp_path: Path) -> None:
    samples = [(bytes([7, *[0] * 14, number // 3]), str(number), b"") for number in range(9)]
    samples += [(bytes([7, 1, *[0] * 14]), "alone", b"")]
    with Bucket(written(tmp_path / "a", samples)) as bucket:
        assert equal_runs(bucket.index()[0]) == [(0, 3), (3, 6), (6, 9)]


def test_an_empty_bucket_has_nothing(tmp_path: Path) -> None:
    with Bucket(written(tmp_path / "a", [])) as bucket:
        rows, offsets = bucket.index()
        assert len(rows) == len(offsets) == 0
        assert equal_runs(rows) == []
