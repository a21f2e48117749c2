import pytest

from tasks.compression.sparsity.gradual import RAMP, Ramp

FINAL = 0.8


@pytest.mark.parametrize("steps", [1, 7, 50, 119, 500, 599, 1999])
def test_the_masks_are_chosen_last_where_the_ramp_has_ended(steps: int) -> None:
    schedule = Ramp("polynomial", FINAL, steps).schedule(0.0)
    chosen = {step: float(sparsity) for step in range(steps + 1) for now, sparsity in [schedule(step)] if now}
    assert chosen[max(chosen)] == pytest.approx(FINAL, abs=1e-6)
    assert max(chosen) <= max(1, RAMP * steps)


def test_a_polynomial_ramp_is_cubic_and_a_constant_one_is_there_at_once() -> None:
    """Zhu and Gupta 2017, arXiv:1710.01878, equation 1."""
    rising, constant = (Ramp(kind, FINAL, 1000).schedule(0.2) for kind in ("polynomial", "constant"))
    for step in (0, 175, 350, 700):
        expected = FINAL + (0.2 - FINAL) * (1 - step / 700) ** 3
        assert float(rising(step)[1]) == pytest.approx(expected, abs=1e-6)
        assert float(constant(step)[1]) == pytest.approx(FINAL)
