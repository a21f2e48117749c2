import time
from pathlib import Path

from tasks.config import Data
from tasks.watching.looking import look
from tasks.watching.quiet import MOST_LOOKS, wait_until_quiet
from tasks.watching.records import SourceState
from tests.tasks.watching.material import FILES, params_of, write_files

DATA: Data = params_of().data


def look_now() -> SourceState:
    return look(DATA)


def test_a_batch_is_waited_for_until_nothing_changes(workspace: Path) -> None:
    write_files(FILES)
    waited: list[float] = []

    def upload(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) < 4:
            write_files({f"cat/new{len(waited)}.png": b"x"})

    settled = wait_until_quiet(look_now(), look_now, upload, 30)
    assert settled is not None
    assert settled.listing.files == len(FILES) + 3
    assert waited == [30] * 4


def test_a_source_that_goes_on_changing_is_left_to_the_next_look(workspace: Path) -> None:
    write_files(FILES)
    waited: list[float] = []

    def upload(seconds: float) -> None:
        waited.append(seconds)
        write_files({f"cat/new{len(waited)}.png": b"x"})

    assert wait_until_quiet(look_now(), look_now, upload, 30) is None
    assert len(waited) == MOST_LOOKS


def test_without_a_quiet_time_nothing_is_waited_for(workspace: Path) -> None:
    write_files(FILES)
    first = look_now()
    assert wait_until_quiet(first, look_now, time.sleep, 0) == first
