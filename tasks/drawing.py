"""The style of all pictures, and the way to an SVG of the same bytes each time.

Texts stay texts, so that they can be searched and take the page's font. Colours come from a small palette; in an HTML
page :func:`themed` swaps them for the page's CSS variables, so that pictures follow its dark mode.
"""

import io
import re
from typing import TYPE_CHECKING, Any

from tasks.html import Markup, escape

if TYPE_CHECKING:
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


def svg(figure: "Figure", title: str) -> str:
    """Return a figure as an SVG element of its own, with a title for those who cannot see it.

    Args:
        figure: of Matplotlib.
        title: in words.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans'", "system-ui, 'DejaVu Sans', sans-serif")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def themed(picture: str) -> Markup:
    """Return a picture as markup of a page: with the colours of the page's CSS variables, and as wide as the page.

    Args:
        picture: as :func:`svg` gives it.
    """
    for color, variable in THEME.items():
        picture = picture.replace(color, f"var({variable})")
    sized = re.sub(r'(<svg [^>]*?)width="[^"]+" height="[^"]+"|(<svg [^>]*?)height="[^"]+"', r"\1\2", picture, count=1)
    return Markup(sized)
