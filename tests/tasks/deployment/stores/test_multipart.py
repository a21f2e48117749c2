"""Files that travel in pieces."""

import contextlib
import os
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tasks.deployment.stores.protocol import PIECE
from tasks.deployment.stores.s3 import S3Store
from tasks.errors import Conflict, StoreError
from tests.relay import Answer, Policy, Request, honest, relay
from tests.tasks.deployment.killing import die, killed

KEY = "models/digits/releases/1/model.tflite.zst"
SIZE = 2 * PIECE + 12_345


@pytest.fixture(params=["ministack", "radosgw"])
def server(request: pytest.FixtureRequest) -> str:
    """The address of a store; its endpoint is in the environment."""
    return str(request.getfixturevalue("s3_url" if request.param == "ministack" else "radosgw_url"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(1).bytes(SIZE))
    return path


@contextlib.contextmanager
def through(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with relay(os.environ["AWS_ENDPOINT_URL"], policy) as endpoint, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield


def only(verb: str, mark: str, act: Callable[[Request], None], times: int = 1) -> Policy:
    """A policy that treats so many requests with ``mark`` in their path otherwise."""
    left = iter(range(times))

    def policy(request: Request) -> None:
        matches = request.command == verb and mark in request.path
        act(request) if matches and next(left, None) is not None else honest(request)

    return policy


def after(act: Callable[[Request], None]) -> Callable[[Request], None]:
    """Do it when the server has done its part."""

    def late(request: Request) -> None:
        request.forward()
        act(request)

    return late


def fail(request: Request) -> None:
    request.say(500)


def deny(request: Request) -> None:
    request.say(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")


def spoil(request: Request) -> None:
    """Damage a piece on its way."""
    request.body = bytes(len(request.body))
    honest(request)


def assert_whole(url: str, file: Path) -> None:
    store, back = S3Store(url), file.with_name("back")
    store.read_to(KEY, back, SIZE)
    assert back.read_bytes() == file.read_bytes()
    assert list(store.leftovers()) == []


def test_a_large_file_goes_there_and_back_and_tells_how_far_it_is(server: str, file: Path) -> None:
    told: list[int] = []
    S3Store(server).put_file(KEY, file, told.append)
    assert (sum(told), len(told)) == (SIZE, 3)
    back: list[int] = []
    S3Store(server).read_to(KEY, file.with_name("back"), SIZE, back.append)
    assert sum(back) == SIZE
    assert_whole(server, file)


def test_a_large_file_does_not_replace_another_content(server: str, file: Path) -> None:
    store = S3Store(server)
    store.put_file(KEY, file)
    store.put_file(KEY, file)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(Conflict):
        store.put_file(KEY, file)
    file.write_bytes(content)
    assert_whole(server, file)


def test_somebody_elses_content_that_came_meanwhile_is_left_alone(
    server: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = S3Store(server)

    def overtake(request: Request) -> None:
        direct.put(KEY, b"theirs")
        honest(request)

    with through(only("PUT", "partNumber=3", overtake), monkeypatch), pytest.raises(Conflict):
        S3Store(server).put_file(KEY, file)
    assert direct.get(KEY).content == b"theirs"
    assert list(direct.leftovers()) == []


@pytest.mark.parametrize("lose", [Request.hang_up, fail, after(Request.hang_up), after(fail)])
@pytest.mark.parametrize(("verb", "mark"), [("PUT", "partNumber=2"), ("POST", "uploadId=")])
def test_lost_requests_and_answers_are_made_up_for(
    s3_url: str, file: Path, monkeypatch: pytest.MonkeyPatch, verb: str, mark: str, lose: Callable[[Request], None]
) -> None:
    with through(only(verb, mark, lose), monkeypatch):
        S3Store(s3_url).put_file(KEY, file)
    assert_whole(s3_url, file)


def test_the_answer_to_the_joining_may_never_come(
    radosgw_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through(only("POST", "uploadId=", after(fail), times=9), monkeypatch):
        S3Store(radosgw_url).put_file(KEY, file)
    assert_whole(radosgw_url, file)


def test_an_upload_that_fails_is_taken_back(server: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        through(only("PUT", "partNumber=3", deny, times=9), monkeypatch),
        pytest.raises(StoreError, match=r"AccessDenied.*rights"),
    ):
        S3Store(server).put_file(KEY, file)
    assert list(S3Store(server).list("models")) == []
    assert list(S3Store(server).leftovers()) == []


def test_a_piece_that_arrives_damaged_is_sent_again(
    radosgw_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through(only("PUT", "partNumber=2", spoil), monkeypatch):
        S3Store(radosgw_url).put_file(KEY, file)
    assert_whole(radosgw_url, file)


def test_a_piece_that_always_arrives_damaged_is_no_upload(
    radosgw_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        through(only("PUT", "partNumber=2", spoil, times=99), monkeypatch),
        pytest.raises(StoreError, match=r"XAmzContentSHA256Mismatch.*Check the network"),
    ):
        S3Store(radosgw_url).put_file(KEY, file)
    assert list(S3Store(radosgw_url).leftovers()) == []


def test_where_tags_are_no_md5s_the_object_is_read_back(
    s3_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def opaque(request: Request) -> None:
        if request.command == "GET" and request.path.endswith(KEY):
            read.append(request.path)
        answer = request.forward()
        if "ETag" in answer.headers and request.command == "HEAD":
            request.say(answer.status, b"", **{**answer.headers, "ETag": '"opaque"'})
        else:
            request.reply(answer)

    with through(opaque, monkeypatch):
        S3Store(s3_url).put_file(KEY, file)
    assert len(read) == 1


def upload_and_die(url: str, file: Path) -> None:
    S3Store(url).put_file(KEY, file, lambda _: die())


def test_what_a_killed_writer_leaves_is_found_and_removed(server: str, file: Path) -> None:
    assert killed(partial(upload_and_die, server, file))
    store = S3Store(server)
    (left,) = store.leftovers()
    assert left.key == KEY
    assert left.began.tzinfo is not None
    store.discard(left)
    store.discard(left)
    assert list(store.leftovers()) == []
    assert list(store.list("models")) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(s3_url: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("wb") as target:
        target.truncate(12 * PIECE)
    store = S3Store(s3_url)
    tracemalloc.start()
    try:
        store.put_file(KEY, file)
        store.read_to(KEY, tmp_path / "back", 12 * PIECE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 9 * PIECE


@pytest.mark.parametrize("lost", [True, False])
def test_where_pieces_have_other_tags_the_object_decides(
    s3_url: str, file: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """Some servers have ETags that are no MD5s; joining answers with an error, after it was done or in its place."""

    real: dict[str, str] = {}

    def opaque(request: Request) -> None:
        if request.command == "POST" and "uploadId=" in request.path:
            if lost:
                for tag, other in real.items():
                    request.body = request.body.replace(other.encode(), tag.encode())
                request.headers.replace_header("Content-Length", str(len(request.body)))
                request.forward(without={"content-md5", "x-amz-content-sha256", "authorization"})
            request.say(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
            return
        answer = request.forward()
        if request.command == "PUT" and "partNumber=" in request.path:
            other = f"part-{len(real)}"
            real[answer.headers["ETag"].strip('"')] = other
            answer = Answer(answer.status, {**answer.headers, "ETag": f'"{other}"'}, answer.body)
        request.reply(answer)

    with through(opaque, monkeypatch):
        if lost:
            S3Store(s3_url).put_file(KEY, file)
        else:
            with pytest.raises(StoreError, match="AccessDenied"):
                S3Store(s3_url).put_file(KEY, file)
    if lost:
        assert_whole(s3_url, file)
    else:
        assert list(S3Store(s3_url).leftovers()) == []
