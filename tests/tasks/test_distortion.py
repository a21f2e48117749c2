import numpy as np
import pytest

from tasks.distortion import EXACT, sqnr


@pytest.mark.parametrize("bits", [4, 6, 8])
@pytest.mark.parametrize("loading", [1.7320508, 4.0])
def test_uniform_rounding_has_the_ratio_of_the_textbook(bits: int, loading: float) -> None:
    rng = np.random.default_rng(1)
    if loading < 2:
        signal = rng.uniform(-1, 1, 200_000)  # its range is √3 times its root mean square
        peak = 1.0
    else:
        signal = rng.normal(0, 1, 200_000)
        signal = signal[np.abs(signal) < loading]
        peak = loading * float(np.sqrt(np.mean(signal**2)))
    step = 2 * peak / 2**bits
    rounded = (np.floor(signal / step) + 0.5) * step
    assert sqnr(signal, rounded) == pytest.approx(6.02 * bits + 4.77 - 20 * np.log10(loading), abs=0.2)


def test_what_is_exact_or_lost_has_an_end_of_the_scale() -> None:
    assert sqnr(np.ones(3), np.ones(3)) == EXACT
    assert sqnr(np.ones(3), np.zeros(3)) == 0
    assert sqnr(np.ones(3), np.array([1, np.nan, 1])) == -EXACT
    assert sqnr(np.zeros(3), np.ones(3)) == -EXACT
