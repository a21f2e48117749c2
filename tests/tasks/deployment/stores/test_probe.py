"""Servers keep conditions or do not, and what follows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.deployment.stores.conditions import ENFORCED, Conditions, Kept
from tasks.deployment.stores.s3 import S3Store
from tasks.errors import Conflict, NotFound, StoreError, StoreUnavailable
from tests.relay import Faults, Policy, Request, forgetful, honest, refusing, relay

KEY = "models/digits/channels/production.json"


@pytest.fixture
def bad_store(
    request: pytest.FixtureRequest, s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Store]:
    """A store on a server that treats conditions as the test's parameter says."""
    with relay(s3_endpoint, request.param) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield S3Store(s3_url)


def test_ministack_keeps_conditions(s3_url: str) -> None:
    assert S3Store(s3_url).conditions == ENFORCED


def test_ceph_wants_etags_without_their_quotes(radosgw_url: str) -> None:
    found = S3Store(radosgw_url).conditions
    assert found == Conditions(Kept.KEPT, Kept.KEPT_UNQUOTED)
    assert found.keeps_swaps
    assert "without their quotes" in found.sentence()


def test_aws_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    assert S3Store("s3://bucket").conditions == ENFORCED


def test_the_probe_leaves_nothing_behind(s3_url: str) -> None:
    store = S3Store(s3_url)
    assert store.conditions == ENFORCED
    assert list(store.leftovers()) == []
    assert list(store.list("probes")) == []


def test_a_server_is_asked_once(s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def count(request: Request) -> None:
        asked.append("/probes/" in request.path)
        honest(request)

    with relay(s3_endpoint, count) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        S3Store(s3_url).put_if_absent("a", b"")
        first = sum(asked)
        S3Store(s3_url).put_if_absent("b", b"")
    assert 0 < first == sum(asked)


@pytest.mark.parametrize(
    ("bad_store", "kept", "word"),
    [(forgetful, Kept.IGNORED, "ignored"), (refusing, Kept.REFUSED, "refused")],
    indirect=["bad_store"],
)
def test_where_conditions_are_not_kept_no_channel_moves(bad_store: S3Store, kept: Kept, word: str) -> None:
    assert bad_store.conditions == Conditions(kept, kept)
    bad_store.put(KEY, b"before")
    for tag in (None, bad_store.get(KEY).tag):
        with pytest.raises(StoreError, match=rf"keeps conditions.*{word} when.*no channel can be moved.*file://"):
            bad_store.compare_and_swap(KEY, b"after", tag)
    assert bad_store.get(KEY).content == b"before"


@pytest.mark.parametrize("bad_store", [forgetful, refusing], indirect=True)
def test_where_conditions_are_not_kept_a_release_can_be_written(bad_store: S3Store, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"small")
    large.write_bytes(bytes(9 << 20))
    for file in (small, large):
        bad_store.put_file(file.name, file)
        bad_store.put_file(file.name, file)
        bad_store.read_to(file.name, tmp_path / "back", 10 << 20)
        assert (tmp_path / "back").read_bytes() == file.read_bytes()
    for key in ("small", "large"):
        with pytest.raises(Conflict):
            bad_store.put_if_absent(key, b"another")
    assert bad_store.get("small").content == b"small"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("inner", "kept"), [(honest, Kept.KEPT), (forgetful, Kept.IGNORED)])
def test_faults_do_not_deceive_the_probe(
    s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, inner: Policy, kept: Kept, seed: int
) -> None:
    with relay(s3_endpoint, inner) as behind, relay(behind, Faults(0.3, seed)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        try:
            found = S3Store(s3_url).conditions
        except StoreUnavailable:
            return
    assert found == Conditions(kept, kept)


def test_a_bucket_that_cannot_be_written_is_no_verdict(s3_url: str) -> None:
    with pytest.raises(StoreError, match="NoSuchBucket"):
        _ = S3Store("s3://no-such-bucket/x").conditions
    with pytest.raises(NotFound):
        S3Store(s3_url).get("nothing")
