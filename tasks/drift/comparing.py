"""Compare two profiles: the size of each shift beside the question whether it is chance.

With many samples every difference is significant, and with few every histogram differs. So a statistic counts as
shifted only where both speak for it: its p-value, corrected for the number of tests, and its size.

The population stability index is the symmetric Kullback-Leibler divergence of two histograms (H. Jeffreys, Proc. R.
Soc. Lond. A 186 (1946), 453); N. Siddiqi, Credit Risk Scorecards (Wiley 2006), has the custom of 0.1 and 0.25. Each bin
gets half a sample more, so that none is empty.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov

from tasks.config import Drift
from tasks.drift.profiling import shares
from tasks.drift.records import DriftReport, Histogram, Profile, Shift, Test

CLASSES = "class shares"
NAMED = 3  # classes in a sentence
Counts = NDArray[np.float64]


def compare(before: Profile | None, now: Profile, settings: Drift, release: int | None) -> DriftReport:
    """Return how data differ from what a release was made of.

    Args:
        before: the release's profile; None where there is no release, or it carries none.
        now: what the data is like.
        settings: the part of params.yaml.
        release: its number.
    """
    if before is None:
        why = "no release is in production yet" if release is None else f"release {release} carries no profile"
        return DriftReport(
            release=release,
            samples=now.samples,
            shifts=(),
            calls_for_retrain=False,
            sentence=f"There is nothing to compare the data with: {why}.",
        )
    found = list(_tests(before, now))
    corrected = holm([p for *_, p in found])
    shifts = tuple(
        _shift(name, test, psi, effect, p, settings, _words(name, before, now))
        for (name, test, psi, effect, _), p in zip(found, corrected, strict=True)
    )
    return DriftReport(
        release=release,
        samples=now.samples,
        shifts=shifts,
        calls_for_retrain=any(shift.shifted for shift in shifts),
        sentence=conclude(shifts, release),
    )


def _tests(before: Profile, now: Profile) -> list[tuple[str, Test, float, float, float]]:
    """Test each statistic that both profiles have in the same bins: name, test, size, effect, p."""
    found: list[tuple[str, Test, float, float, float]] = []
    if before.classes and now.classes and sum(before.classes.values()) and sum(now.classes.values()):
        names = sorted(before.classes | now.classes)
        one, other = (np.array([each.classes.get(name, 0) for name in names], float) for each in (before, now))
        effect, p = chi_squared(one, other)
        found.append((CLASSES, "chi-squared", stability_index(one, other), effect, p))
    for name, histogram in before.statistics.items():
        if _is_comparable(histogram, now.statistics.get(name)):
            one, other = (np.array(each.statistics[name].counts, float) for each in (before, now))
            distance, p = kolmogorov_smirnov(one, other)
            found.append((name, "Kolmogorov-Smirnov", stability_index(one, other), distance, p))
    return found


def _is_comparable(one: Histogram, other: Histogram | None) -> bool:
    if other is None or (one.low, one.high, len(one.counts)) != (other.low, other.high, len(other.counts)):
        return False
    return sum(one.counts) > 0 and sum(other.counts) > 0


def stability_index(one: Counts, other: Counts) -> float:
    """Return the population stability index of counts in the same bins.

    Args:
        one: samples in each bin, ``[bins]``.
        other: those of the other data.
    """
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (one, other))
    return float(np.sum((p - q) * np.log(p / q)))


def kolmogorov_smirnov(one: Counts, other: Counts) -> tuple[float, float]:
    """Return the largest distance of two distributions in bins, and its asymptotic p-value.

    N. Smirnov, Ann. Math. Statist. 19 (1948), 279. Bins are ties: the true p-value is not larger than this one.

    Args:
        one: samples in each bin, ``[bins]``.
        other: those of the other data.
    """
    distance = float(np.abs(np.cumsum(one) / one.sum() - np.cumsum(other) / other.sum()).max())
    return distance, float(kolmogorov(np.sqrt(one.sum() * other.sum() / (one.sum() + other.sum())) * distance))


def chi_squared(one: Counts, other: Counts) -> tuple[float, float]:
    """Return Cramér's V of two rows of counts, and the p-value of Pearson's chi-squared test of homogeneity.

    H. Cramér, Mathematical Methods of Statistics (Princeton 1946), chapter 21.

    Args:
        one: samples of each class, ``[classes]``.
        other: those of the other data.
    """
    table = np.stack([one, other])[:, one + other > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    value, freedom = float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1
    if freedom < 1:
        return 0.0, 1.0
    return float(np.sqrt(value / table.sum())), float(chdtrc(freedom, value))


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number: S. Holm, Scand. J. Statist. 6 (1979), 65.

    Args:
        values: p-values, in any order, which is kept.
    """
    corrected, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = least
    return corrected


def _shift(name: str, test: Test, psi: float, effect: float, p: float, settings: Drift, words: str) -> Shift:
    shifted = p < settings.significance and psi >= settings.psi
    how = f"PSI {psi:.2f}, {'V' if test == 'chi-squared' else 'distance'} {effect:.2f}, p {_p_value(p)}"
    return Shift(
        statistic=name, test=test, psi=psi, effect=effect, p=p, shifted=shifted, sentence=f"{name}: {words} ({how})"
    )


def _p_value(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def _words(name: str, before: Profile, now: Profile) -> str:
    if name == CLASSES:
        return _moved_shares(shares(before.classes), shares(now.classes))
    return f"on average {_mean(before.statistics[name]):.3g}, now {_mean(now.statistics[name]):.3g}"


def _moved_shares(then: Mapping[str, float], now: Mapping[str, float]) -> str:
    """Name the classes whose shares moved most."""
    moved = sorted({*then, *now}, key=lambda name: (-abs(now.get(name, 0.0) - then.get(name, 0.0)), name))
    return ", ".join(f"{name} {then.get(name, 0.0):.1%}, now {now.get(name, 0.0):.1%}" for name in moved[:NAMED])


def _mean(histogram: Histogram) -> float:
    """Return the mean of the bins' middles."""
    counts = np.array(histogram.counts, float)
    middles = (np.arange(len(counts)) + 0.5) / len(counts)
    return histogram.low + (histogram.high - histogram.low) * float((counts * middles).sum() / counts.sum())


def conclude(shifts: Sequence[Shift], release: int | None) -> str:
    """Return what shifted, and whether that alone would call for a retrain, in a sentence.

    Args:
        shifts: of all statistics.
        release: whose data it was; None where there is none.
    """
    against = "what was compared with" if release is None else f"the data of release {release}"
    shifted = [shift for shift in shifts if shift.shifted]
    if not shifts:
        return f"Nothing of the data can be compared with {against}: inputs or settings are others."
    if not shifted:
        largest = max(shifts, key=lambda shift: shift.psi)
        return (
            f"Beside {against} none of {len(shifts)} statistics has shifted; the most is {largest.sentence}. "
            f"That calls for no retrain."
        )
    words = "; ".join(shift.sentence for shift in sorted(shifted, key=lambda shift: -shift.psi))
    verb = "has" if len(shifted) == 1 else "have"
    return (
        f"Beside {against} {len(shifted)} of {len(shifts)} statistics {verb} shifted: {words}. "
        f"That alone would call for a retrain."
    )
