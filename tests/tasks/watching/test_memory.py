"""Whoever may write to the store may write the watch's records: what is none is named, and nothing breaks on it."""

from pathlib import Path

import pytest

from tasks.deployment.registry import data_key
from tasks.errors import ReleaseError
from tasks.watching.looking import look
from tasks.watching.memory import ATTEMPT, TRAINED, WAITING, forget_waiting, note_waiting, read_waiting, recall
from tests.tasks.watching.material import FILES, params_of, registry_for, write_files

RECORDS = [
    b"",
    b"{}",
    b"\xff",
    b'{"digest": "x", "count": -1, "at": "2026-01-01T00:00:00+00:00"}',
    b'{"digest": "x", "count": 1, "at": "yesterday"}',
    b'{"digest": "x", "count": 1, "at": "2026-01-01T00:00:00"}',
]


@pytest.mark.parametrize("name", [TRAINED, ATTEMPT, WAITING])
@pytest.mark.parametrize("content", RECORDS)
def test_a_record_that_is_none_is_named(workspace: Path, name: str, content: bytes) -> None:
    write_files(FILES)
    params = params_of()
    registry = registry_for(params)
    registry.store.put(data_key("pets", name), content)
    with pytest.raises(ReleaseError, match=f"models/pets/data/{name}"):
        recall(registry, look(params.data).digest)


@pytest.mark.usefixtures("workspace")
def test_what_is_there_no_more_waits_no_more() -> None:
    registry = registry_for(params_of())
    note_waiting(registry, "a" * 64, ("A class is new: bird.",), ("bird",))
    forget_waiting(registry, "a" * 64)
    assert read_waiting(registry)
    forget_waiting(registry, "b" * 64)
    assert read_waiting(registry) is None
    forget_waiting(registry, None)
