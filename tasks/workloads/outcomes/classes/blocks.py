"""The blocks of the report that are about classes: recall of each, and which is taken for which."""

from collections.abc import Mapping
from typing import Any

from tasks.drawing import ACCENT, MUTED, SECOND, STYLE, svg, themed
from tasks.html import Markup, render
from tasks.text import visible
from tasks.workloads.outcomes.classes.confusions import confuse
from tasks.workloads.outcomes.classes.details import ClassesDetails

MOST_CLASSES = 30  # in one picture


def blocks(chosen: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Markup:
    """Return a picture of each class's recall, and the confusions.

    Args:
        chosen: the candidate's name.
        before: the baseline's details on the validation split.
        after: the candidate's.
    """
    ours, theirs = (ClassesDetails.model_validate(details) for details in (after, before))
    page = render(
        "tasks/workloads/outcomes/classes/templates/blocks.html.j2",
        chosen=chosen,
        recall=themed(recall_svg(chosen, theirs, ours)),
        some_classes=len(ours.per_class) > MOST_CLASSES,
        confused=confuse(ours),
    )
    return Markup(page)  # made by a template that escapes every value


def recall_svg(chosen: str, baseline: ClassesDetails, candidate: ClassesDetails) -> str:
    """Return a drawing of the recall of each class on the validation split; the classes that lost most come first.

    Args:
        chosen: the candidate's name.
        baseline: its details.
        candidate: those of the chosen one.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    before, after = baseline.per_class, candidate.per_class
    classes = sorted(before, key=lambda name: (after[name].recall - before[name].recall, name))[:MOST_CLASSES]
    rows = range(len(classes), 0, -1)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 1.1 + 0.26 * len(classes)), layout="constrained")
        axes = figure.subplots()
        for row, name in zip(rows, classes, strict=True):
            ends = [100 * before[name].recall, 100 * after[name].recall]
            axes.plot(ends, [row, row], color=MUTED, linewidth=2, alpha=0.5, zorder=2)
        for of, color, label, marker in ((before, ACCENT, "baseline", "o"), (after, SECOND, chosen, "D")):
            recalls = [100 * of[name].recall for name in classes]
            axes.scatter(recalls, list(rows), color=color, s=34, marker=marker, zorder=3, label=label)
        axes.set_yticks(list(rows), list(map(visible, classes)), parse_math=False)  # a name with $ is no formula
        axes.grid(axis="y", visible=False)
        axes.set_title("recall on the validation split, %")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=2, fontsize=9, borderaxespad=0.8)
        return svg(figure, f"Recall of each class for the baseline and {chosen}")
