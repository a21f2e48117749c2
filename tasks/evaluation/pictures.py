"""The report's pictures as SVG that every outcome has: bytes against quality, and the course of the training."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tasks.drawing import ACCENT, INK, MUTED, PAPER, SECOND, STYLE, svg
from tasks.evaluation.point_labels import Point, label_points
from tasks.evaluation.records import BASELINE, PRODUCTION
from tasks.evaluation.results import Results
from tasks.evaluation.rules import difference
from tasks.wording import number, one
from tasks.workloads import find_workload
from tasks.workloads.metric import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pareto_svg(results: Results) -> str:
    """Draw stored bytes (log) against quality on validation, latency as colour, and join what nothing beats.

    Args:
        results: of the stages.

    Returns:
        the picture, as SVG.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    names = [name for name in (BASELINE, PRODUCTION, *results.candidates) if results.why_absent(name) is None]
    sizes = [results.cost(name).stored_bytes for name in names]
    main = results.measuring.main
    scale = 100 if main.is_fraction else 1
    values = [scale * results.qualities[name].splits["validation"].metrics[main.name] for name in names]
    latencies = [results.speed(name).median_us for name in names]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.subplots()
        lines = draw_frontier(axes, list(zip(sizes, values, strict=True)), main.sign)
        bars = []
        for name, size in zip(names[1:], sizes[1:], strict=True):
            seen = difference(main.name, (name, BASELINE), "validation", results)
            low, high = (values[0] + scale * bound for bound in (seen.low, seen.high))
            bars.append(((size, low), (size, high)))
            axes.plot([size, size], [low, high], color=MUTED, linewidth=0.9, alpha=0.55, zorder=2)
        dots = axes.scatter(
            sizes, values, c=latencies, cmap=mpl.colormaps["viridis_r"].resampled(16), s=90,
            edgecolors=INK, linewidths=0.7, zorder=3,
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(min(sizes) / 1.6, max(sizes) * 1.6)
        axes.margins(y=0.12)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: bytes_tick(size)))
        axes.set_xlabel("stored bytes (log scale): smaller is better →")
        axes.invert_xaxis()
        axes.set_title(f"validation {on_axis(main)}  (bars: 95 % interval of the difference to the baseline)")
        if main.less_is_better:
            axes.invert_yaxis()
        figure.colorbar(
            dots,
            ax=axes,
            label=f"latency, µs {one(find_workload(results.dataset.workload).thing)}",
            pad=0.02,
            aspect=30,
        ).outline.set_visible(False)
        labels = [f"{name} · {number(latency, 1)} µs" for name, latency in zip(names, latencies, strict=True)]
        label_points(axes, list(zip(sizes, values, strict=True)), labels, [*bars, *lines], INK, PAPER)
        return svg(figure, f"Stored bytes against validation {main.noun} of the baseline and every candidate")


def curves_svg(results: Results) -> str:
    """Draw the loss and the outcome's first metric over the epochs of training.

    Args:
        results: of the stages.

    Returns:
        the picture, as SVG.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    history, measuring = results.history, results.measuring
    main = next((metric for metric in measuring.metrics if metric.name in results.training.metrics), measuring.main)
    epochs = history.get("epoch", ())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        scales = (1, 100 if main.is_fraction else 1)
        for axes, what, scale in zip(figure.subplots(1, 2), ("loss", main.name), scales, strict=True):
            for column, color, label in ((what, ACCENT, "train"), (f"validation_{what}", SECOND, "validation")):
                if column in history:
                    values = [scale * value for value in history[column]]
                    axes.plot(epochs, values, color=color, label=label, linewidth=1.6)
            axes.axvline(results.training.best_epoch, color=MUTED, linewidth=0.9, linestyle=":")
            axes.set_title("loss" if what == "loss" else on_axis(main))
            axes.set_xlabel("epoch (dotted: whose weights were kept)")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend(loc="best", fontsize=9)
        return svg(figure, f"Loss and {main.noun} of the baseline over the epochs of training")


def draw_frontier(axes: "Axes", points: Sequence[Point], sign: int = 1) -> list[tuple[Point, Point]]:
    """Join the points that no other beats in both ways.

    Args:
        axes: to draw on.
        points: bytes and a metric.
        sign: 1 where more of the metric is better, −1 where less is.

    Returns:
        the pieces of the line.
    """
    best: list[Point] = []
    for size, value in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if not best or sign * value > sign * best[-1][1]:
            best += [(size, best[-1][1] if best else value), (size, value)]
    axes.plot(*zip(*best, strict=True), color=ACCENT, linewidth=1.2, alpha=0.6, zorder=1)
    return list(pairwise(best))


def on_axis(metric: Metric) -> str:
    """Return a metric with its unit.

    Args:
        metric: that an axis is of.
    """
    unit = "%" if metric.is_fraction else metric.unit
    return f"{metric.noun}, {unit}" if unit else metric.noun


def bytes_tick(size: float) -> str:
    """Return bytes as an axis has them: 500 kB, 1.2 MB.

    Args:
        size: bytes.
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:g} {unit}"
    return f"{size:g} B"
