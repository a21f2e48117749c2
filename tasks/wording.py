"""Numbers as a person reads them: the same in the verdict, in the tables and in the report."""

from math import floor, log10

from tasks.records import Interval


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """Return a number with a real minus and thousands apart.

    Args:
        value: the number.
        digits: behind the point.
        sign: put a plus before what is positive.
    """
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if not float(text.replace(",", "")):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def percent(fraction: float, digits: int = 2) -> str:
    """Return a fraction as a percentage.

    Args:
        fraction: from 0 to 1.
        digits: behind the point.
    """
    return f"{number(100 * fraction, digits)} %"


def confidence(fraction: float) -> str:
    """Return a confidence with as many digits as tell it from certainty: 95 %, 99.889 %.

    Args:
        fraction: from 0 to 1.
    """
    missing = 100 * (1 - fraction)
    digits = 0 if round(missing, 6).is_integer() else max(1, 1 - floor(log10(missing))) if missing > 0 else 0
    return percent(fraction, min(digits, 12))


def points(difference: float, digits: int = 2) -> str:
    """Return a difference of fractions in percentage points, with its sign.

    Args:
        difference: from −1 to 1.
        digits: behind the point.
    """
    return number(100 * difference, digits, sign=True)


def points_interval(interval: Interval, digits: int = 2) -> str:
    """Return the bounds of a difference in percentage points.

    Args:
        interval: of a difference of fractions.
        digits: behind the point.
    """
    return f"{points(interval.low, digits)} … {points(interval.high, digits)}"


def times(ratio: float) -> str:
    """Return a factor in words: 13.7 ×.

    Args:
        ratio: above 0.
    """
    return f"{number(ratio, 2 if ratio < 10 else 1)} ×"


def times_interval(interval: Interval) -> str:
    """Return the bounds of a factor in words.

    Args:
        interval: of the factor.
    """
    return f"{number(interval.low)} … {number(interval.high)}"


def decibels(noise: float | None) -> str:
    """Return the energy of an error over that of the signal, as a signal-to-noise ratio in decibels.

    Args:
        noise: the quotient; None where it is not known, of which nothing is told.
    """
    if noise is None:
        return ""
    return f"{number(-10 * log10(noise), 1)} dB" if noise else "unchanged"


def invert(ratio: Interval) -> Interval:
    """Return a ratio the other way round: twice as slow is half as fast.

    Args:
        ratio: above 0.
    """
    return Interval(value=1 / ratio.value, low=1 / ratio.high, high=1 / ratio.low)


def sentence(text: str) -> str:
    """Return a sentence with a capital in front and one full stop behind.

    Args:
        text: with or without them.
    """
    return text[:1].upper() + text[1:].rstrip(".") + "."


def capitalized(text: str) -> str:
    """Return text with a capital in front, and all else as it is.

    Args:
        text: any.
    """
    return text[:1].upper() + text[1:]


def one(thing: str) -> str:
    """Return the name of a thing with its article, as far as its first letter tells which.

    Args:
        thing: a noun.
    """
    return f"{'an' if thing[:1] in set('aeiou') else 'a'} {thing}"
