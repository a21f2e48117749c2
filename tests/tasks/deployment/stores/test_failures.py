"""A person reads these errors when a server cannot be used; real servers produce them where they can."""

import contextlib
import datetime
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import botocore.auth
import pytest

from tasks.deployment.stores.s3 import S3Store
from tasks.errors import ConfigError, NotFound, SlimlineError, StoreError, StoreUnavailable
from tasks.s3 import connection
from tests.radosgw import Gateway
from tests.relay import Answer, Policy, Request, honest, relay
from tests.servers import free_port

KEY = "models/digits/channels/production.json"
Verb = Callable[[S3Store], object]
VERBS: dict[str, Verb] = {
    "get": lambda store: store.get(KEY),
    "put_if_absent": lambda store: store.put_if_absent(KEY, b""),
    "list": lambda store: list(store.list("models")),
}
each_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())


@each_verb
def test_no_rights(radosgw_url: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", gateway.stranger.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", gateway.stranger.secret_key)
    with pytest.raises(StoreError, match=r"AccessDenied.*Give these credentials the rights"):
        verb(S3Store(radosgw_url))


@each_verb
def test_an_unknown_access_key(radosgw_url: str, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(StoreError, match=r"InvalidAccessKeyId.*belong to this endpoint"):
        verb(S3Store(radosgw_url))


@each_verb
def test_a_wrong_secret(radosgw_url: str, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    with pytest.raises(StoreError, match=r"SignatureDoesNotMatch.*belong to this endpoint"):
        verb(S3Store(radosgw_url))


@each_verb
def test_a_clock_that_is_off(radosgw_url: str, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    late = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: late)
    with pytest.raises(StoreError, match=r"RequestTimeTooSkewed.*Set this machine's clock"):
        verb(S3Store(radosgw_url))


@each_verb
def test_a_missing_bucket(radosgw_url: str, verb: Verb) -> None:
    with pytest.raises(StoreError, match=r"no-such-bucket.*NoSuchBucket.*Create the bucket") as caught:
        verb(S3Store("s3://no-such-bucket/prefix"))
    assert not isinstance(caught.value, NotFound)


@pytest.mark.usefixtures("s3_url")
def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreError, match=r"Unable to locate credentials.*Set AWS_ACCESS_KEY_ID"):
        S3Store("s3://bucket").get(KEY)


def test_an_unknown_profile(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match=r"nobody.*AWS_PROFILE"):
        S3Store(s3_url)


def test_an_endpoint_that_is_no_url(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    with pytest.raises(ConfigError, match=r"https://host:port\. Received: .*minio:9000"):
        S3Store(s3_url)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_endpoint_where_nobody_listens(s3_url: str, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{scheme}://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match=r"Could not connect.*AWS_ENDPOINT_URL"):
        S3Store(s3_url).get(KEY)


@each_verb
def test_a_server_that_never_answers_is_asked_once(s3_url: str, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, nobody reads
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StoreUnavailable, match=r"Read timeout.*AWS_ENDPOINT_URL"):
            verb(S3Store(s3_url))
        silent.setblocking(False)
        assert len(list(connections(silent))) == 1


def connections(server: socket.socket) -> Iterator[None]:
    """One for each that waits to be accepted."""
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            yield


def test_a_server_that_has_answered_before_is_asked_again(
    speaking: Callable[[Policy], S3Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
    asked: list[str] = []

    def fall_silent(request: Request) -> None:
        asked.append(request.path)
        if len(asked) == 2:
            released.wait(30)
        honest(request)

    released = threading.Event()
    store = speaking(fall_silent)
    for _ in range(2):
        with pytest.raises(NotFound):
            store.get(KEY)
    released.set()
    assert len(asked) == 3


def test_https_where_http_is_spoken(s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint.replace("http", "https"))
    with pytest.raises(StoreUnavailable, match=r"SSL.*AWS_ENDPOINT_URL"):
        S3Store(s3_url).get(KEY)


@pytest.fixture
def speaking(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Policy], S3Store]]:
    """A store on a server that answers by a policy."""
    target = os.environ["AWS_ENDPOINT_URL"]
    with ExitStack() as servers:

        def serve(policy: Policy) -> S3Store:
            monkeypatch.setenv("AWS_ENDPOINT_URL", servers.enter_context(relay(target, policy)))
            return S3Store(s3_url)

        yield serve


def says(status: int, body: str = "", **headers: str) -> Policy:
    def answer(request: Request) -> None:
        request.say(status, b"" if request.command == "HEAD" else body.encode(), **headers)

    return answer


def refuses(status: int, code: str, details: str = "") -> Policy:
    """The answer that Amazon documents for a case that no server here can produce."""
    return says(status, f"<Error><Code>{code}</Code><Message>Told so</Message>{details}</Error>")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (refuses(400, "ExpiredToken"), r"ExpiredToken \(Told so\).*sign in again"),
        (refuses(400, "InvalidToken"), r"InvalidToken.*Check the AWS credentials"),
        (
            refuses(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
            r"AuthorizationHeaderMalformed.*Set AWS_REGION to the bucket's region: eu-central-1\.",
        ),
        (refuses(301, "PermanentRedirect"), r"PermanentRedirect.*Set AWS_REGION"),
        (refuses(400, "IllegalLocationConstraintException"), "Set AWS_REGION"),
        (says(404, "<html>nothing here</html>"), "is the address of an S3 server"),
        (
            says(301, Location="https://elsewhere"),
            "is the address of an S3 server: this one sends to https://elsewhere",
        ),
        (says(405, "no"), "is the address of an S3 server"),
    ],
)
@each_verb
def test_what_only_others_say(speaking: Callable[[Policy], S3Store], policy: Policy, message: str, verb: Verb) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        verb(speaking(policy))
    assert not isinstance(caught.value, StoreUnavailable | NotFound)


@pytest.mark.parametrize("verb", [VERBS["get"], VERBS["list"]], ids=["get", "list"])
def test_a_web_server_that_knows_everything(speaking: Callable[[Policy], S3Store], verb: Verb) -> None:
    with pytest.raises(StoreError, match="is the address of an S3 server"):
        verb(speaking(says(200, "<!doctype html><p>Welcome", **{"Content-Type": "text/html"})))


def test_a_server_with_a_bad_moment(speaking: Callable[[Policy], S3Store]) -> None:
    with pytest.raises(StoreUnavailable, match=r"503.*try again later"):
        speaking(says(503)).get(KEY)


def test_a_listing_that_broke_off_is_none(s3_url: str, speaking: Callable[[Policy], S3Store]) -> None:
    S3Store(s3_url).put(KEY, b"")

    def cut(request: Request) -> None:
        request.reply(request.forward(), upto=0)

    with pytest.raises(StoreUnavailable, match="broke off after 0"):
        list(speaking(cut).list("models"))


def test_an_object_that_changed_on_its_way_is_not_given_out(s3_url: str, speaking: Callable[[Policy], S3Store]) -> None:
    S3Store(s3_url).put(KEY, b"what was written")

    def change(request: Request) -> None:
        answer = request.forward()
        request.reply(Answer(answer.status, answer.headers, b"what was Written"))

    with pytest.raises(StoreUnavailable, match="not those that were written"):
        speaking(change).get(KEY)


def test_a_write_of_which_nobody_knows_says_so(s3_url: str, speaking: Callable[[Policy], S3Store]) -> None:
    store = speaking(break_down := BreaksDown())
    assert store.conditions.keeps_swaps
    break_down.now = True
    with pytest.raises(StoreUnavailable, match="It may have been written or not: look before you try again"):
        store.compare_and_swap(KEY, b"mine", None)


class BreaksDown:
    """Good for a while."""

    now = False

    def __call__(self, request: Request) -> None:
        if self.now:
            request.hang_up()
        else:
            request.reply(request.forward())


def test_every_message_ends_with_what_to_do(speaking: Callable[[Policy], S3Store]) -> None:
    with pytest.raises(SlimlineError) as caught:
        speaking(refuses(418, "NeverHeardOf")).get(KEY)
    assert str(caught.value).startswith("Expected s3://")
    assert "Received: NeverHeardOf (Told so) to GetObject. Check AWS_ENDPOINT_URL" in str(caught.value)
