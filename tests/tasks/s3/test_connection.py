from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tasks.s3.connection import read_time

MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03T04:05:06Z",
        "2026-02-03T04:05:06.000Z",
        format_datetime(MOMENT, usegmt=True),
        "2026-02-03T05:05:06+01",
    ],
)
def test_a_time_is_read_in_every_form_that_servers_give_it(text: str) -> None:
    assert read_time(text) == MOMENT


def test_a_time_that_is_none_is_an_error_of_the_answer() -> None:
    with pytest.raises(ValueError, match="2026-99"):
        read_time("2026-99-03T04:05:06Z")
