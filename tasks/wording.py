"""Numbers as a person reads them: the same in the verdict, in the tables and in the report."""

from math import floor, log10

from tasks.records import Interval


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """A number with a real minus and thousands apart."""
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if not float(text.replace(",", "")):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def percent(fraction: float, digits: int = 2) -> str:
    """A fraction as a percentage."""
    return f"{number(100 * fraction, digits)} %"


def confidence(fraction: float) -> str:
    """A confidence with as many digits as tell it from certainty: 95 %, 99.889 %."""
    missing = 100 * (1 - fraction)
    digits = 0 if round(missing, 6).is_integer() else max(1, 1 - floor(log10(missing))) if missing > 0 else 0
    return percent(fraction, min(digits, 12))


def points(difference: float, digits: int = 2) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return number(100 * difference, digits, sign=True)


def points_interval(interval: Interval, digits: int = 2) -> str:
    """The bounds of a difference in percentage points."""
    return f"{points(interval.low, digits)} … {points(interval.high, digits)}"


def times(ratio: float) -> str:
    """A factor: 13.7 ×."""
    return f"{number(ratio, 2 if ratio < 10 else 1)} ×"


def times_interval(interval: Interval) -> str:
    """The bounds of a factor."""
    return f"{number(interval.low)} … {number(interval.high)}"


def decibels(noise: float | None) -> str:
    """The energy of an error over that of the signal, as a signal-to-noise ratio."""
    if noise is None:
        return ""
    return f"{number(-10 * log10(noise), 1)} dB" if noise else "unchanged"


def invert(ratio: Interval) -> Interval:
    """A ratio the other way round: twice as slow is half as fast."""
    return Interval(value=1 / ratio.value, low=1 / ratio.high, high=1 / ratio.low)


def sentence(text: str) -> str:
    """A sentence with a capital in front and one full stop behind."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def capitalized(text: str) -> str:
    """Put a capital in front, and leave the others as they are."""
    return text[:1].upper() + text[1:]


def one(thing: str) -> str:
    """Put the article before the name of a thing, as far as its first letter tells which."""
    return f"{'an' if thing[:1] in set('aeiou') else 'a'} {thing}"
