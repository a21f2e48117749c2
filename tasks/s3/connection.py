"""A connection to any S3, by the standard AWS settings: ``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ``AWS_REGION``, …."""

import os
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from tasks.errors import ConfigError

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 4  # of a request whose answer is lost or says that the server has a bad moment
ATTEMPTS_UNANSWERED = 2  # where nobody answers at all
CONNECT_SECONDS, ANSWER_SECONDS = 4, 20  # until a server has to be there, and to answer
ONE_AT_A_TIME = Lock()  # a session makes one client at a time


@lru_cache(maxsize=4)
def _session(_settings: tuple[tuple[str, str], ...]) -> "Session":
    """Shared by clients with the same settings: it takes a seventh of a second to learn what S3 is."""
    import boto3
    from botocore.session import get_session

    session = get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_time)
    return boto3.session.Session(botocore_session=session)


def read_time(text: Any) -> datetime:
    """Return a time out of an answer: one as listings have it (ISO 8601 in UTC) at once.

    botocore tries out what kind of date it may be, which takes two thirds of the time of a long listing.

    Args:
        text: as the server has written it.
    """
    from botocore.utils import parse_timestamp

    if isinstance(text, str) and text[10:11] == "T" and text.endswith("Z"):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return parse_timestamp(text)


def connect(connections: int = 10) -> "S3Client":
    """Return a client that also suits servers other than AWS: addressed by path, without AWS's own checksums.

    Args:
        connections: that are kept open at most.

    Raises:
        ConfigError: AWS_ENDPOINT_URL is no URL.
    """
    from botocore.config import Config

    with ONE_AT_A_TIME:
        session = _session(tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))))
        region = session.region_name or "us-east-1"
        config = Config(
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"payload_signing_enabled": True},  # what is sent has its SHA-256 in the signature, over https too
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            max_pool_connections=connections,
        )
        try:
            client = session.client("s3", region_name=region, config=config)
        except ValueError as error:
            raise ConfigError(
                f"Expected AWS_ENDPOINT_URL to be a URL such as https://host:port. Received: {error}. Mend or unset it."
            ) from None
    events: Any = client.meta.events  # its stubs know no handler that answers
    patience = _Patience()
    events.register("response-received.s3", patience.note_answer)
    events.register_first("needs-retry.s3", patience.give_up)
    events.register("before-parse.s3.*", _refuse_what_is_no_answer)
    if not is_aws(client):
        events.register("before-endpoint-resolution.s3", _address_by_path)
        events.register("before-call.s3", _follow_no_redirect)
    return client


def is_aws(client: "S3Client") -> bool:
    """Return whether a client talks to AWS itself.

    Args:
        client: as :func:`connect` gives it.
    """
    return "amazonaws.com" in client.meta.endpoint_url


class _Patience:
    """Patience with a request: a wrong address is told within seconds, a server that was there gets more time."""

    def __init__(self) -> None:
        self._has_answered = False

    def note_answer(self, response_dict: Mapping[str, Any] | None, **_: object) -> None:
        """Hear of every exchange, also of those that came to nothing."""
        self._has_answered = self._has_answered or response_dict is not None

    def give_up(self, attempts: int, caught_exception: Exception | None, **_: object) -> bool | None:
        """Return whether to stop trying. None: as many times as configured."""
        from botocore.exceptions import ConnectionError, ReadTimeoutError

        if isinstance(caught_exception, ReadTimeoutError) and not self._has_answered:
            return False
        unanswered = isinstance(caught_exception, ConnectionError | ReadTimeoutError)
        return False if unanswered and attempts >= ATTEMPTS_UNANSWERED else None


def _address_by_path(builtins: dict[str, Any], **_: object) -> None:
    """Put the bucket into the path: few servers own a name for each bucket."""
    builtins["AWS::S3::ForcePathStyle"] = True


def _follow_no_redirect(context: dict[str, Any], **_: object) -> None:
    """Say that a request was redirected already: only AWS has regions to be sent to, others could send in circles."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def _refuse_what_is_no_answer(response_dict: Mapping[str, Any], **_: object) -> None:
    """Raise where an answer broke off or is a web page, which botocore does not see: an empty listing, say."""
    from botocore.parsers import ResponseParserError

    body, headers = response_dict["body"], response_dict["headers"]
    if not isinstance(body, bytes) or response_dict["context"]["operation_name"].startswith("Head"):
        return
    length = int(headers.get("content-length", len(body)))
    if len(body) != length:
        raise ResponseParserError(f"an answer of {length} bytes that broke off after {len(body)}")
    if response_dict["status_code"] in {200, 500} and "html" in headers.get("content-type", ""):  # boto3: 200 is 500
        raise ResponseParserError("a web page")
