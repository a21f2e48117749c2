from datetime import UTC, datetime, timedelta

import pytest

from tasks.deployment.reviews.rules import deadline, is_over, needs_approval

SINCE = "2026-01-01T00:00:00+00:00"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("approval", "passed", "undecided"),
    [("required", True, True), ("when_inconclusive", False, True), ("none", False, True)],
)
def test_what_passed_waits_where_that_is_said_and_what_was_not_decided_always(
    approval: str, passed: bool, undecided: bool
) -> None:
    assert needs_approval(approval, None) is passed  # type: ignore[arg-type]
    assert needs_approval(approval, "not proven") is undecided  # type: ignore[arg-type]


@pytest.mark.parametrize("since", [SINCE, "2026-01-01T00:00:00", "2026-01-01T01:00:00+01:00"])
def test_a_release_waits_for_so_many_days_and_no_longer(since: str) -> None:
    until = BEGAN + timedelta(days=0.5)
    assert deadline(since, 0.5) == until
    assert not is_over(since, 0.5, until)
    assert is_over(since, 0.5, until + timedelta(seconds=1))


def test_nothing_expires_by_a_time_that_nobody_understands() -> None:
    for since in ("yesterday", "", "9999-12-31T00:00:00+00:00"):
        assert not is_over(since, 3, datetime.now(UTC))
