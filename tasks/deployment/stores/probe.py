"""Finds out how a server other than AWS keeps conditions, by trying them on an object of its own.

Whether a condition was kept is judged by what the object holds afterwards, so that an answer that was lost, or a
request that was repeated, deceives nobody. Servers are known that want ETags without their quotes, that answer 501,
and that write whatever the condition says.
"""

import secrets
from functools import cache
from threading import Lock

from botocore.exceptions import ClientError

from tasks.deployment.stores.bucket import Bucket, Condition
from tasks.deployment.stores.conditions import ENFORCED, Conditions, Kept
from tasks.errors import NotFound
from tasks.s3.failures import FAILURES, may_pass, status_of

FOLDER = "probes"
NOWHERE = '"00000000000000000000000000000000"'  # an ETag that no object has
ONE_AT_A_TIME = Lock()


def conditions_of(bucket: Bucket) -> Conditions:
    """Return how a bucket keeps conditions: AWS by its documentation, others by a probe, once in a process.

    Args:
        bucket: that is asked.

    Raises:
        StoreError: the bucket cannot be read, written and deleted from.
    """
    if bucket.is_aws:
        return ENFORCED
    with ONE_AT_A_TIME:
        return _probed(bucket.endpoint, bucket.url)


@cache
def _probed(_endpoint: str, url: str) -> Conditions:
    """Cached by both arguments: one URL may lead to several servers in turn."""
    bucket = Bucket(url)
    key = f"{FOLDER}/{secrets.token_hex(16)}"
    _holds(bucket, key, b"")  # where nobody answers, one question is enough
    try:
        return Conditions(create=_creation(bucket, key), swap=_swap(bucket, key))
    finally:
        bucket.delete(key)


def _creation(bucket: Bucket, key: str) -> Kept:
    if not _writes(bucket, key, b"first", {"IfNoneMatch": "*"}):
        return Kept.REFUSED
    return Kept.IGNORED if _writes(bucket, key, b"second", {"IfNoneMatch": "*"}) else Kept.KEPT


def _swap(bucket: Bucket, key: str) -> Kept:
    with bucket.errors():
        bucket.put(key, b"before")
    found = bucket.get(key)
    tag = found.tag if found else ""
    if _writes(bucket, key, b"never", {"IfMatch": NOWHERE}):
        return Kept.IGNORED
    if _writes(bucket, key, b"quoted", {"IfMatch": tag}):
        return Kept.KEPT
    if _writes(bucket, key, b"never", {"IfMatch": NOWHERE.strip('"')}):
        return Kept.IGNORED
    return Kept.KEPT_UNQUOTED if _writes(bucket, key, b"unquoted", {"IfMatch": tag.strip('"')}) else Kept.REFUSED


def _writes(bucket: Bucket, key: str, content: bytes, condition: Condition) -> bool:
    """Return whether a conditional write comes about.

    Raises:
        StoreError: it does not, for a reason that has nothing to do with the condition.
    """
    with bucket.errors():
        try:
            bucket.put(key, content, **condition)
        except FAILURES as error:
            if _holds(bucket, key, content):
                return True
            refused = isinstance(error, ClientError) and status_of(error) in {400, 409, 412, 501}
            if may_pass(error) or not refused:
                raise
            return False
    return True


def _holds(bucket: Bucket, key: str, content: bytes) -> bool:
    try:
        found = bucket.get(key)
    except NotFound:
        return False
    return found is not None and found.content == content
