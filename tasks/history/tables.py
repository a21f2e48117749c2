"""The history as rows of words, for the terminal and the operator's page alike."""

from collections.abc import Sequence

from tasks.causes import DIGITS
from tasks.history.records import Past
from tasks.records import Interval
from tasks.wording import capitalized, invert, number, times


def history_table(lines: Sequence[Past]) -> list[dict[str, str]]:
    """Return a row for each line; a figure that is not known is left empty.

    Args:
        lines: of the history, in the order of the rows.
    """
    metrics = list(dict.fromkeys(line.metric for line in lines if line.metric))
    return [
        {
            "When": line.at[:16].replace("T", " "),
            "Ended": line.ending,
            "Release": "" if line.release is None else str(line.release),
            "Channels": ", ".join(line.channels),
            "Recipe": line.recipe,
            **{capitalized(name.replace("_", " ")): _figure(line, name) for name in metrics},
            "Stored": f"{line.stored_bytes:,}",
            "Loaded": f"{line.loaded_bytes:,}",
            "Latency": _latency(line.latency_us, line.latency_ratio),
            "Gate": line.gate or "",
            "Decisions left": _count(line.decisions_left),
            "Worth": _count(line.worth),
            "Data": (line.data or "")[:DIGITS],
            "Cause": line.cause or "",
        }
        for line in lines
    ]


def _figure(line: Past, name: str) -> str:
    value = line.metrics.get(name)
    if value is None:
        return ""
    seen = line.interval if line.metric == name else None
    return f"{value:.4f}{f' ({seen.low:.4f} … {seen.high:.4f})' if seen else ''}"


def _latency(microseconds: float | None, ratio: Interval | None) -> str:
    if microseconds is None:
        return ""
    faster = f" ({times(invert(ratio).value)})" if ratio else ""
    return f"{number(microseconds, 1)} µs{faster}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
