import numpy as np
import pytest

from tasks.statistics.class_counts import unseen_share


def test_nothing_in_many_samples_leaves_three_events_at_95_percent_and_more_where_more_is_asked() -> None:
    samples = np.array([10_000.0])
    assert unseen_share(samples, 0.95) * samples == pytest.approx(2.9957, abs=1e-3)
    assert unseen_share(samples, 0.9995) * samples == pytest.approx(7.6009, abs=4e-3)


def test_few_samples_leave_much_and_none_leave_all() -> None:
    assert unseen_share(np.array([0.0, 1.0, 2.0]), 0.95) == pytest.approx([1, 0.95, 1 - 0.05**0.5])
