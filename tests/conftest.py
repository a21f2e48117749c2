"""Fixtures that all tests share."""

import functools
import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tasks.backend import prepare_environment
from tests.commands import Slimline, command
from tests.parts import files_of, part_and_parts
from tests.processes import start_clean
from tests.radosgw import Gateway, missing, radosgw
from tests.servers import ministack

# the same examples in every run, and no time limit: a busy machine fails no test
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        type=part_and_parts,
        metavar="K/N",
        help="Run the files of the K-th of N parts; together the parts are all files, and no file is in two.",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked: tuple[int, int] | None = config.getoption("--part")
    if asked and collection_path.suffix == ".py" and collection_path not in _files_of(*asked):
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while everything is imported, nor later in what was: it stays to the end of the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@functools.cache
def _files_of(part: int, parts: int) -> set[Path]:
    return files_of(part, parts, list(TESTS.rglob("test_*.py")))


@pytest.fixture(scope="session", autouse=True)
def clean_processes() -> None:
    start_clean()


@pytest.fixture(scope="session", autouse=True)
def dvc_forgets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what DVC notes of repositories outside of them with the session.

    It knows a repository by its path. A test whose folder has the path of an earlier session's would find that one's
    index of a remote, and nothing would ever be removed.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("dvc")))
        yield


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """Give a test the environment in which the one before it began: commands set variables for their own process.

    What TensorFlow reads stays: ``tf.keras`` is looked up when it is first used, and is another one without it.
    """
    prepare_environment()
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def slimline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Slimline:
    """Run a command of slimline in this process."""
    return command(capsys, monkeypatch)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 server of this test session; each test makes a bucket of its own."""
    with ministack() as url:
        yield url


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """A Ceph object gateway of this test session; each test makes a bucket of its own."""
    if reason := missing():
        pytest.skip(reason)
    with radosgw() as running:
        yield running
