"""The report's pictures as SVG: the same results give the same bytes.

Texts stay texts, so that they can be searched and take the page's font. Colours come from a small palette; in
the HTML report :func:`themed` swaps them for the page's CSS variables, so that pictures follow its dark mode.
"""

import io
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tasks.evaluation.labels import Point, label_points
from tasks.evaluation.records import BASELINE, PRODUCTION
from tasks.evaluation.results import Results
from tasks.evaluation.rules import difference
from tasks.evaluation.wording import number
from tasks.html import Markup, escape
from tasks.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1f2329", "#667079", "#dde1e6", "#fffffe"
ACCENT, SECOND = "#0b62c4", "#c2570c"
THEME = {INK: "--ink", MUTED: "--muted", GRID: "--line", PAPER: "--paper", ACCENT: "--accent", SECOND: "--second"}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "slimline",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titlecolor": MUTED,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.minor.size": 0,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}
MOST_CLASSES = 30  # in one picture


def pareto_svg(results: Results) -> str:
    """Stored bytes (log) against validation accuracy, latency as colour; the line joins what nothing beats."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    names = [name for name in (BASELINE, PRODUCTION, *results.candidates) if results.why_absent(name) is None]
    sizes = [results.cost(name).stored_bytes for name in names]
    accuracies = [100 * results.qualities[name].splits["validation"].accuracy for name in names]
    latencies = [results.speed(name).median_us for name in names]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.subplots()
        lines = draw_frontier(axes, list(zip(sizes, accuracies, strict=True)))
        bars = []
        for name, size in zip(names[1:], sizes[1:], strict=True):
            seen = difference("accuracy", (name, BASELINE), "validation", results)
            low, high = (accuracies[0] + 100 * bound for bound in (seen.low, seen.high))
            bars.append(((size, low), (size, high)))
            axes.plot([size, size], [low, high], color=MUTED, linewidth=0.9, alpha=0.55, zorder=2)
        dots = axes.scatter(
            sizes, accuracies, c=latencies, cmap=mpl.colormaps["viridis_r"].resampled(16), s=90,
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
        axes.set_title("validation accuracy, %  (bars: 95 % interval of the difference to the baseline)")
        figure.colorbar(dots, ax=axes, label="latency, µs an image", pad=0.02, aspect=30).outline.set_visible(False)
        labels = [f"{name} · {number(latency, 1)} µs" for name, latency in zip(names, latencies, strict=True)]
        label_points(axes, list(zip(sizes, accuracies, strict=True)), labels, [*bars, *lines], INK, PAPER)
        return svg(figure, "Stored bytes against validation accuracy of the baseline and every candidate")


def curves_svg(results: Results) -> str:
    """Loss and accuracy over the epochs of training."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    history = results.history
    epochs = history.get("epoch", ())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        for axes, what, scale in zip(figure.subplots(1, 2), ("loss", "accuracy"), (1, 100), strict=True):
            for column, color, label in ((what, ACCENT, "train"), (f"validation_{what}", SECOND, "validation")):
                if column in history:
                    values = [scale * value for value in history[column]]
                    axes.plot(epochs, values, color=color, label=label, linewidth=1.6)
            axes.axvline(results.training.best_epoch, color=MUTED, linewidth=0.9, linestyle=":")
            axes.set_title("loss" if what == "loss" else "accuracy, %")
            axes.set_xlabel("epoch (dotted: whose weights were kept)")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend(loc="best", fontsize=9)
        return svg(figure, "Loss and accuracy of the baseline over the epochs of training")


def recall_svg(results: Results, chosen: str) -> str:
    """Recall of each class on the validation split, baseline and chosen; the classes that lost most come first."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    before, after = (results.qualities[name].splits["validation"].per_class for name in (BASELINE, chosen))
    classes = sorted(before, key=lambda name: (after[name].recall - before[name].recall, name))[:MOST_CLASSES]
    rows = range(len(classes), 0, -1)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 1.1 + 0.26 * len(classes)), layout="constrained")
        axes = figure.subplots()
        for row, name in zip(rows, classes, strict=True):
            ends = [100 * before[name].recall, 100 * after[name].recall]
            axes.plot(ends, [row, row], color=MUTED, linewidth=2, alpha=0.5, zorder=2)
        for of, color, label, marker in ((before, ACCENT, BASELINE, "o"), (after, SECOND, chosen, "D")):
            recalls = [100 * of[name].recall for name in classes]
            axes.scatter(recalls, list(rows), color=color, s=34, marker=marker, zorder=3, label=label)
        axes.set_yticks(list(rows), list(map(visible, classes)), parse_math=False)  # a name with $ is no formula
        axes.grid(axis="y", visible=False)
        axes.set_title("recall on the validation split, %")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=2, fontsize=9, borderaxespad=0.8)
        return svg(figure, f"Recall of each class for the baseline and {chosen}")


def draw_frontier(axes: "Axes", points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Join the points that no other beats in both ways; gives the line's pieces."""
    best: list[Point] = []
    for size, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or accuracy > best[-1][1]:
            best += [(size, best[-1][1] if best else accuracy), (size, accuracy)]
    axes.plot(*zip(*best, strict=True), color=ACCENT, linewidth=1.2, alpha=0.6, zorder=1)
    return list(pairwise(best))


def bytes_tick(size: float) -> str:
    """Bytes on an axis: 500 kB, 1.2 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:g} {unit}"
    return f"{size:g} B"


def svg(figure: "Figure", title: str) -> str:
    """A figure as an SVG element of its own, with a title for those who cannot see it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans'", "system-ui, 'DejaVu Sans', sans-serif")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def themed(picture: str) -> Markup:
    """A picture as markup of a page: with the colours of the page's CSS variables, and as wide as the page."""
    for color, variable in THEME.items():
        picture = picture.replace(color, f"var({variable})")
    sized = re.sub(r'(<svg [^>]*?)width="[^"]+" height="[^"]+"|(<svg [^>]*?)height="[^"]+"', r"\1\2", picture, count=1)
    return Markup(sized)
