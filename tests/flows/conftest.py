from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness

from flows.service.run_server import SETTINGS


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A Prefect server with a database of its own for this test session.

    It has no services, as that of a run: these would look for something to do all the time, beside all other tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        with prefect_test_harness(server_startup_timeout=300):
            yield
