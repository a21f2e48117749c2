"""A source that a run itself changes would begin the next run, and that one the next."""

from pathlib import Path

import pytest

from tasks.config import Params
from tasks.errors import ConfigError
from tasks.watching.apart import expect_apart
from tests.tasks.watching.material import params_of


def storing(source: str, store: str) -> Params:
    params = params_of(source)
    return params.model_copy(update={"deployment": params.deployment.model_copy(update={"store": store})})


@pytest.mark.parametrize(
    "source", [".", "data", "./data/", "reports", "models/candidates", ".git", "data/prepared/x", "..", "link"]
)
def test_a_source_with_what_the_line_writes_is_refused(workspace: Path, source: str) -> None:
    (workspace / "data").mkdir()
    (workspace / "link").symlink_to("data")
    with pytest.raises(ConfigError, match="each run would change it"):
        expect_apart(params_of(source))


@pytest.mark.parametrize(
    ("source", "store"),
    [
        ("s3://bucket", "s3://bucket/releases"),
        ("s3://bucket/all/", "s3://bucket/all/releases"),
        ("s3://bucket/releases/models", "s3://bucket/releases"),
        ("photos", "file://photos/releases"),
    ],
)
def test_a_source_with_the_releases_is_refused(workspace: Path, source: str, store: str) -> None:
    with pytest.raises(ConfigError, match="slimline writes to"):
        expect_apart(storing(source, store))


def test_a_source_with_dvcs_remote_is_refused(workspace: Path) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/dvc"):
        expect_apart(params_of("s3://bucket/"), ["s3://bucket/dvc"])


@pytest.mark.parametrize(
    ("source", "store"),
    [
        ("digits", "file://digits"),
        ("photos", "file://.slimline/store"),
        ("data/photos", "file://store"),
        ("s3://bucket/photos", "s3://bucket/photos-releases"),
        ("s3://bucket/x", "s3://other/x"),
        ("https://example.org/pets.tar", "s3://example.org/x"),
    ],
)
def test_places_of_their_own_are_taken(workspace: Path, source: str, store: str) -> None:
    expect_apart(storing(source, store), ["s3://bucket/dvc"])
