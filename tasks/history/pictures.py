"""The history as a picture: quality, bytes, latency and what the sealed samples are worth, run by run."""

from collections.abc import Callable, Sequence

from tasks.drawing import ACCENT, MUTED, SECOND, STYLE, svg
from tasks.history.records import Past

Figure = Callable[[Past], float | None]
MOST_DAYS = 8  # dates below the runs


def history_svg(lines: Sequence[Past]) -> str:
    """Draw four figures over the runs, the oldest first: what was released in colour, what was held back as a cross.

    Args:
        lines: of the history, in any order.

    Returns:
        the picture, as SVG.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    past = sorted(lines, key=lambda line: line.at)
    metric = next((line.metric for line in reversed(past) if line.metric), "quality")
    panels: list[tuple[str, Figure]] = [
        (f"{metric.replace('_', ' ')} on validation, with its 95 % interval", lambda line: line.metrics.get(metric)),
        ("bytes as stored", lambda line: line.stored_bytes),
        ("latency, µs", lambda line: line.latency_us),
        ("what the sealed samples are worth, in samples of a first decision", lambda line: line.worth),
    ]
    with mpl.rc_context(STYLE):
        figure = Canvas(figsize=(9, 7), layout="constrained")
        for axes, (title, value) in zip(figure.subplots(len(panels), 1, sharex=True), panels, strict=True):
            axes.set_title(title, parse_math=False)  # a metric of one's own may hold anything
            for place, line in enumerate(past):
                seen = value(line)
                if seen is None:
                    continue
                if title == panels[0][0] and line.interval and line.metric == metric:
                    bounds = [line.interval.low, line.interval.high]
                    axes.plot([place, place], bounds, color=MUTED, linewidth=1.2, alpha=0.6, zorder=2)
                is_out = line.release is not None
                axes.scatter(
                    [place], [seen], color=ACCENT if is_out else SECOND, marker="o" if is_out else "x", zorder=3
                )
            axes.margins(x=0.03, y=0.2)
        step = max(1, -(-len(past) // MOST_DAYS))
        places = range(0, len(past), step)
        axes.set_xticks(list(places), [past[place].at[:10] for place in places])
        axes.set_xlabel("runs, the newest at the right (dot: a release, cross: held back)")
        return svg(figure, "Quality, bytes, latency and what the sealed samples are worth, over the runs")
