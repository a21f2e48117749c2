import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
from tasks.workloads.image.reading import FILES
from tasks.workloads.items import RawSample
from tests.tasks.data_loading.material import picture


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE samples (name TEXT, class TEXT, content BLOB)")
        rows = [(f"{number}.png", label, picture(number)) for label in ("dog", "cat") for number in range(3)]
        made.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)
    return path


def test_every_row_is_a_sample_of_its_class(database: Path) -> None:
    items = list(open_source(f"sqlite://{database}").items(FILES.take))
    assert [(item.name, item.label) for item in items if isinstance(item, RawSample)] == [
        (f"{label}/{number}.png", label) for label in ("cat", "dog") for number in range(3)
    ]


def test_a_listing_changes_with_the_rows(database: Path) -> None:
    before = open_source(f"sqlite://{database}").listing()
    assert (before.files, before) == (6, open_source(f"sqlite://{database}").listing())
    with closing(sqlite3.connect(database)) as changed, changed:
        changed.execute("DELETE FROM samples WHERE name = '0.png'")
    assert open_source(f"sqlite://{database}").listing() != before


def test_what_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "photos.db").write_bytes(b"words" * 1000)
    with pytest.raises(SourceError, match="Expected a database with a table samples"):
        open_source(f"sqlite://{tmp_path / 'photos.db'}").listing()
