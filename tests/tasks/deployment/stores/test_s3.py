from collections.abc import Callable

import pytest

from tasks.deployment.stores.protocol import Store
from tasks.deployment.stores.s3 import S3Store
from tasks.errors import Conflict
from tasks.s3.connection import connect
from tests.relay import Request, relay

KEY = "models/digits/channels/production.json"


class Losing:
    """Lets the answers to the first writes of :data:`KEY` get lost, or turns them into errors."""

    def __init__(self, losses: int, lose: Callable[[Request], None]) -> None:
        self.left = losses
        self.lose = lose

    def __call__(self, request: Request) -> None:
        answer = request.forward()
        if request.command == "PUT" and request.path.endswith(KEY) and self.left:
            self.left -= 1
            self.lose(request)
        else:
            request.reply(answer)


def fail(request: Request) -> None:
    request.say(500)


@pytest.fixture
def direct(s3_url: str) -> Store:
    """The store behind the relay."""
    return S3Store(s3_url)


@pytest.mark.parametrize("lose", [Request.hang_up, fail])
def test_a_write_refused_by_its_own_success_succeeds(
    direct: Store,
    s3_url: str,
    s3_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    lose: Callable[[Request], None],
) -> None:
    with relay(s3_endpoint, Losing(1, lose)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        S3Store(s3_url).compare_and_swap(KEY, b"mine", None)
    assert direct.get(KEY).content == b"mine"


def test_a_write_whose_answers_are_all_lost_is_found_to_be_there(
    direct: Store, s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.put(KEY, b"old")
    tag = direct.get(KEY).tag
    with relay(s3_endpoint, Losing(4, fail)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        S3Store(s3_url).compare_and_swap(KEY, b"mine", tag)
    assert direct.get(KEY).content == b"mine"


def test_a_lost_answer_does_not_hide_a_conflict(
    direct: Store, s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.put(KEY, b"theirs")
    with relay(s3_endpoint, Losing(1, Request.hang_up)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(Conflict):
            S3Store(s3_url).compare_and_swap(KEY, b"mine", None)
    assert direct.get(KEY).content == b"theirs"


def test_stores_of_one_bucket_keep_apart(s3_url: str) -> None:
    mine, theirs = S3Store(f"{s3_url}/a"), S3Store(f"{s3_url}/b/")
    mine.put(KEY, b"mine")
    theirs.put(KEY, b"theirs")
    assert mine.get(KEY).content == b"mine"
    assert [entry.key for entry in theirs.list("models")] == [KEY]


def test_a_server_other_than_aws_is_addressed_by_path(
    s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint.replace("127.0.0.1", "localhost"))
    store = S3Store(s3_url)
    store.put(KEY, b"content")
    assert store.get(KEY).content == b"content"


def test_aws_is_addressed_by_the_buckets_name(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    address = connect().generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})
    assert address.startswith("https://bucket.s3.amazonaws.com/key?")
