"""Confusions: which class is taken for which other one, for the report."""

from dataclasses import dataclass

from tasks.workloads.outcomes.classes.details import ClassesDetails

MOST_CLASSES = 20  # of a matrix that is shown whole
MOST_PAIRS = 20
DARK = 0.55  # share of a row above which a cell's number is light


@dataclass(frozen=True)
class Cell:
    """A number of the matrix: samples of a class that got one answer.

    ``tint``: strength of the cell's colour in percent. ``dark``: whether its number has to be light.
    """

    count: int
    tint: str
    dark: bool


@dataclass(frozen=True)
class Confusions:
    """The whole matrix, a row for each true class, or the most frequent confusions where classes are many."""

    matrix: list[tuple[str, list[Cell]]]
    pairs: list[dict[str, str]]


def confuse(details: ClassesDetails) -> Confusions:
    """Return the confusions of a model.

    Args:
        details: of the model.
    """
    classes, matrix = tuple(details.per_class), details.confusion
    if len(classes) > MOST_CLASSES:
        return Confusions([], _most_frequent(classes, matrix))
    rows = [[_cell(count, sum(row)) for count in row] for row in matrix]
    return Confusions(list(zip(classes, rows, strict=True)), [])


def _most_frequent(classes: tuple[str, ...], matrix: tuple[tuple[int, ...], ...]) -> list[dict[str, str]]:
    pairs = sorted(
        ((count, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row) if i != j and count),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    return [
        {"Class": classes[i], "Taken for": classes[j], "Samples": f"{count:,}"} for count, i, j in pairs[:MOST_PAIRS]
    ]


def _cell(count: int, of: int) -> Cell:
    share = count / of if of else 0.0
    return Cell(count, f"{8 + 92 * share:.0f}", share > DARK)
