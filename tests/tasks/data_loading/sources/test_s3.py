from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pytest

from tasks.data_loading.sources import open_source
from tasks.data_loading.sources.s3 import S3File, S3Stream
from tasks.errors import SourceError
from tasks.s3.connection import connect
from tasks.workloads.image.reading import ImageReading
from tasks.workloads.image.settings import ImageSettings
from tasks.workloads.items import Folder, RawSample
from tests.tasks.data_loading.material import tree, write_tar, write_zip

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES = {**tree(("cat", "dog"), 30, "train/"), **tree(("cat", "dog"), 5, "test/", first=50)}


class Bucket:
    """A bucket of this test's own."""

    def __init__(self, client: "S3Client") -> None:
        self.client = client
        self.name = f"data-{uuid4().hex[:12]}"
        client.create_bucket(Bucket=self.name)

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def fill(self, prefix: str, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self.put(prefix + name, content)

    def url(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


@pytest.fixture
def settings(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, workspace: Path) -> None:
    """The standard AWS settings of a user."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(workspace / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(workspace / "none"))


@pytest.fixture
def bucket(settings: None) -> Bucket:
    return Bucket(connect())


def payloads(location: str) -> dict[str, bytes]:
    items = open_source(location).items(ImageReading().take_file(ImageSettings()))
    return {item.name: bytes(item.payload) for item in items if isinstance(item, RawSample)}


def test_a_prefix_of_class_folders_is_read_in_the_order_of_names(bucket: Bucket) -> None:
    bucket.fill("pets/v1/", FILES)
    bucket.put("pets/v10/cat/other.png", b"below another prefix")
    found = payloads(bucket.url("pets/v1"))
    assert found == FILES
    assert list(found) == sorted(FILES)
    assert payloads(bucket.url("pets/v1/")) == FILES
    assert open_source(bucket.url("pets/v1")).listing().files == len(FILES)


def test_a_whole_bucket_may_be_the_source(bucket: Bucket) -> None:
    bucket.fill("", {"cat/1.png": b"x", "cat/.hidden": b"y", "empty/": b""})
    assert list(open_source(bucket.url("")).items(ImageReading().take_file(ImageSettings()))) == [
        RawSample("cat/1.png", "cat", None, b"x"),
        Folder("empty"),
    ]


@pytest.mark.slow
def test_more_objects_than_a_page_are_all_seen(bucket: Bucket) -> None:
    bucket.fill("many/", {f"cat/{index:04}.png": b"x" for index in range(1005)})
    assert open_source(bucket.url("many")).listing().files == 1005


@pytest.mark.parametrize("packing", ["tar.gz", "tar", "zip", "npz"])
def test_an_archive_in_a_bucket_is_read_as_one_on_disk(bucket: Bucket, workspace: Path, packing: str) -> None:
    path = workspace / f"pets.{packing}"
    if packing == "npz":
        np.savez(path, x=np.arange(48, dtype=np.uint8).reshape(3, 4, 4), y=np.arange(3))
    elif packing == "zip":
        write_zip(path, FILES)
    else:
        write_tar(path, FILES, "w:gz" if packing == "tar.gz" else "w")
    bucket.put(path.name, path.read_bytes())
    assert payloads(bucket.url(path.name)) == payloads(str(path))
    assert list(Path(".slimline/tmp").glob("*")) == []


def test_the_listing_changes_with_an_object_and_only_then(bucket: Bucket) -> None:
    bucket.fill("pets/", {"cat/1.png": b"x", "dog/1.png": b"y"})
    source = open_source(bucket.url("pets"))
    first = source.listing()
    assert source.listing() == first
    bucket.put("pets/cat/1.png", b"z")  # of the same size
    assert source.listing() != first
    bucket.put("pets.tar", b"x")
    archive = open_source(bucket.url("pets.tar"))
    first = archive.listing()
    assert archive.listing() == first
    bucket.put("pets.tar", b"y")
    assert archive.listing() != first


def test_a_stream_goes_on_where_the_connection_broke(bucket: Bucket) -> None:
    content = np.random.default_rng(1).bytes(300_000)
    bucket.put("big.tar", content)
    stream = S3Stream(S3File(connect(), bucket.name, "big.tar"))
    start = stream.read(100_000)
    stream._open()  # what a broken connection leads to
    assert start is not None
    assert len(start) == 100_000
    assert start + stream.readall() == content
    stream.close()


def test_another_version_in_the_middle_of_a_stream_is_found_out(bucket: Bucket) -> None:
    bucket.put("big.tar", bytes(300_000))
    stream = S3Stream(S3File(connect(), bucket.name, "big.tar"))
    stream.read(100_000)
    bucket.put("big.tar", bytes(300_001))
    with pytest.raises(SourceError, match="another version"):
        stream._open()
    stream.close()


@pytest.mark.parametrize(
    ("key", "message"), [("nothing/here", "no objects"), ("nothing.tar", "404|Not Found|NoSuchKey")]
)
def test_nothing_there_says_so(bucket: Bucket, key: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(bucket.url(key)).listing()


@pytest.mark.usefixtures("settings")
def test_a_bucket_that_is_not_there_says_so() -> None:
    with pytest.raises(SourceError, match="NoSuchBucket"):
        open_source(f"s3://none-{uuid4().hex}/prefix").listing()


@pytest.mark.usefixtures("settings")
def test_a_store_that_does_not_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceError, match=r"Could not connect.*AWS_ENDPOINT_URL"):
        open_source("s3://bucket/prefix").listing()


def test_an_address_without_a_bucket_says_so() -> None:
    with pytest.raises(SourceError, match="Name the bucket"):
        open_source("s3:///prefix")
