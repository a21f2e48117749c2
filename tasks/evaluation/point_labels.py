"""Labels of points that cover neither a point nor each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]

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
        """Return whether the two share an area.

        Args:
            other: any box.
        """
        apart_x, apart_y = abs(self.x - other.x), abs(self.y - other.y)
        return 2 * apart_x < self.width + other.width and 2 * apart_y < self.height + other.height

    def lies_in(self, other: "Box") -> bool:
        """Return whether no part of it lies outside the other.

        Args:
            other: any box.
        """
        apart_x, apart_y = abs(self.x - other.x), abs(self.y - other.y)
        return 2 * apart_x <= other.width - self.width and 2 * apart_y <= other.height - self.height


def places_around(spot: Box, width: float) -> Iterator[Box]:
    """Yield the boxes in which a label of this width could stand, the nearest first.

    Args:
        spot: the box of the point.
        width: of the label, in points as all lengths here.
    """
    for reach in REACHES:
        extra, slant = reach + width / 2, 0.7 * reach + width / 2
        for dx, dy in (
            *((extra, 0.0), (-extra, 0.0), (0.0, reach + 4.0), (0.0, -reach - 4.0)),
            *((slant, 0.8 * reach), (-slant, 0.8 * reach), (slant, -0.8 * reach), (-slant, -0.8 * reach)),
        ):
            yield Box(spot.x + dx, spot.y + dy, width, LINE)


def choose_places(spots: Sequence[Box], widths: Sequence[float], obstacles: Sequence[Box], frame: Box) -> list[Box]:
    """Return a place for each label, one after the other: the nearest one in the frame that covers nothing.

    Args:
        spots: boxes of the points, one for each label.
        widths: of the labels.
        obstacles: what no label may cover either.
        frame: in which labels have to lie.
    """
    taken = [*spots, *obstacles]
    chosen = []
    for spot, width in zip(spots, widths, strict=True):
        places = list(places_around(spot, width))
        free = (place for place in places if place.lies_in(frame) and not any(map(place.overlaps, taken)))
        place = next(free, places[0])
        taken.append(place)
        chosen.append(place)
    return chosen


def label_points(
    axes: "Axes",
    points: Sequence[Point],
    labels: Sequence[str],
    lines: Sequence[tuple[Point, Point]],
    ink: str,
    paper: str,
) -> None:
    """Write each label beside its point; a thin line leads to those that stand farther off.

    Args:
        axes: final but for the labels.
        points: in the units of the data.
        labels: one for each.
        lines: upright and level ones that no label may cover, by their two ends.
        ink: colour of the labels.
        paper: colour of their ground.
    """
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what was laid out stays, and is not laid out again
    spots = [Box(x, y, DOT, DOT) for x, y in _pixels(axes, points)]
    obstacles = []
    for line in lines:
        (x, y), (to_x, to_y) = _pixels(axes, line)
        obstacles.append(Box((x + to_x) / 2, (y + to_y) / 2, abs(to_x - x) + 3, abs(to_y - y) + 3))
    frame = axes.get_window_extent()
    inside = Box((frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2, frame.width, frame.height)
    places = choose_places(spots, [LETTER * len(label) for label in labels], obstacles, inside)
    for point, spot, place, label in zip(points, spots, places, labels, strict=True):
        x, y = axes.transData.inverted().transform((place.x, place.y)).tolist()
        ground = {"facecolor": paper, "edgecolor": "none", "alpha": 0.85, "pad": 1}
        axes.text(x, y, label, ha="center", va="center", fontsize=9, color=ink, bbox=ground, zorder=2.5)
        if max(abs(place.x - spot.x) - place.width / 2, abs(place.y - spot.y)) > 2 * DOT:
            axes.plot([point[0], x], [point[1], y], color=ink, linewidth=0.6, alpha=0.5, zorder=1)


def _pixels(axes: "Axes", points: Sequence[Point]) -> list[list[float]]:
    pixels: list[list[float]] = axes.transData.transform(list(points)).tolist()
    return pixels
