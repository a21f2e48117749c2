"""Labels of points that cover neither a point nor each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER, LINE, DOT = 6.3, 13.0, 14.0  # width of a letter, height of a line, size of a point in pixels at 100 dpi
REACHES = (12, 22, 36, 52, 70, 90, 120)  # pixels between a point and its label, the nearest first


@dataclass(frozen=True)
class Box:
    """A rectangle by its middle and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share an area."""
        apart_x, apart_y = abs(self.x - other.x), abs(self.y - other.y)
        return 2 * apart_x < self.width + other.width and 2 * apart_y < self.height + other.height

    def lies_in(self, other: "Box") -> bool:
        """Whether no part of it lies outside the other."""
        apart_x, apart_y = abs(self.x - other.x), abs(self.y - other.y)
        return 2 * apart_x <= other.width - self.width and 2 * apart_y <= other.height - self.height


def places_around(spot: Box, width: float) -> Iterator[Box]:
    """Where a label of this width could stand, the nearest places first: right, left, above, below, corners."""
    for reach in REACHES:
        aside, slant = reach + width / 2, 0.7 * reach + width / 2
        for dx, dy in (
            *((aside, 0.0), (-aside, 0.0), (0.0, reach + 4.0), (0.0, -reach - 4.0)),
            *((slant, 0.8 * reach), (-slant, 0.8 * reach), (slant, -0.8 * reach), (-slant, -0.8 * reach)),
        ):
            yield Box(spot.x + dx, spot.y + dy, width, LINE)


def choose_places(spots: Sequence[Box], widths: Sequence[float], frame: Box) -> list[Box]:
    """A place for each label, one after the other: the nearest one in the frame that covers nothing."""
    taken = list(spots)
    chosen = []
    for spot, width in zip(spots, widths, strict=True):
        places = list(places_around(spot, width))
        free = (place for place in places if place.lies_in(frame) and not any(map(place.overlaps, taken)))
        place = next(free, places[0])
        taken.append(place)
        chosen.append(place)
    return chosen


def label_points(axes: "Axes", xs: Sequence[float], ys: Sequence[float], labels: Sequence[str], color: str) -> None:
    """Write each label beside its point; a thin line leads to those that stand farther off."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    frame = axes.get_window_extent()
    spots = [Box(float(x), float(y), DOT, DOT) for x, y in axes.transData.transform(list(zip(xs, ys, strict=True)))]
    inside = Box((frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2, frame.width, frame.height)
    places = choose_places(spots, [LETTER * len(label) for label in labels], inside)
    for spot, place, label in zip(spots, places, labels, strict=True):
        (x, y), (point_x, point_y) = axes.transData.inverted().transform([(place.x, place.y), (spot.x, spot.y)])
        axes.text(float(x), float(y), label, ha="center", va="center", fontsize=9, color=color, zorder=4)
        gap_x, gap_y = abs(place.x - spot.x) - place.width / 2, abs(place.y - spot.y)
        if max(gap_x, gap_y) > 2 * DOT:
            axes.plot([point_x, x], [point_y, y], color=color, linewidth=0.5, alpha=0.4, zorder=1)
