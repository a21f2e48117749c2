import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.server.database import provide_database_interface
from prefect.server.database.dependencies import temporary_database_interface
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings
from prefect.testing import utilities

from flows.service.run_server import SETTINGS
from tests.shared import made_once


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables of Prefect and nothing in them, for copies: to make it takes five CPU seconds."""
    return made_once(tmp_path_factory, "prefect", _make_tables) / "prefect.db"


def _make_tables(folder: Path) -> None:
    async def make() -> None:
        database = provide_database_interface()
        await database.create_db()
        await (await database.engine()).dispose()

    address = {PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{folder / 'prefect.db'}"}
    with temporary_database_interface(), temporary_settings(address):
        asyncio.run(make())


@pytest.fixture(scope="session")
def prefect_server(prefect_database: Path) -> Iterator[None]:
    """A Prefect server with a database of its own for this test session.

    It has no services, as that of a run: these would look for something to do all the time, beside all other tests.
    """

    def folder_with_database() -> str:
        folder = tempfile.mkdtemp()
        shutil.copy(prefect_database, Path(folder, "prefect-test.db"))
        return folder

    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        patch.setattr(utilities, "mkdtemp", folder_with_database)
        with utilities.prefect_test_harness(server_startup_timeout=300):
            yield
