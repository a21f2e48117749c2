"""The operator's page about classes: the change of each class beside the baseline, and which is taken for which."""

from collections.abc import Mapping
from typing import Any

from tasks.wording import percent, points
from tasks.workloads.measuring import Exhibit
from tasks.workloads.outcomes.classes.blocks import recall_svg
from tasks.workloads.outcomes.classes.confusions import confuse
from tasks.workloads.outcomes.classes.details import ClassesDetails

MOST_ROWS = 100  # of classes, those that lost most


def exhibits(chosen: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Exhibit, ...]:
    """Return a picture and a table of each class's recall, and the confusions.

    Args:
        chosen: the candidate's name.
        before: the baseline's details on the validation split.
        after: the candidate's.
    """
    theirs, ours = (ClassesDetails.model_validate(details) for details in (before, after))
    return per_class(chosen, theirs, ours), confusion(chosen, ours)


def per_class(chosen: str, baseline: ClassesDetails, candidate: ClassesDetails) -> Exhibit:
    """Return the recall of each class; the classes that lost most come first.

    Args:
        chosen: the candidate's name.
        baseline: its details on the validation split.
        candidate: the same of the candidate.
    """
    changes = {name: after.recall - baseline.per_class[name].recall for name, after in candidate.per_class.items()}
    rows = tuple(
        (
            name,
            f"{candidate.per_class[name].support:,}",
            percent(baseline.per_class[name].recall),
            percent(candidate.per_class[name].recall),
            points(changes[name]),
        )
        for name in sorted(changes, key=lambda name: (changes[name], name))[:MOST_ROWS]
    )
    few = f"; of {len(changes):,} classes the {MOST_ROWS} that lost most" if len(changes) > MOST_ROWS else ""
    return Exhibit(
        key="per-class",
        title=f"Recall of each class on the validation split, {chosen} beside the baseline{few}",
        picture=recall_svg(chosen, baseline, candidate),
        head=("Class", "Samples", "Baseline", "Candidate", "Change in points"),
        rows=rows,
    )


def confusion(chosen: str, candidate: ClassesDetails) -> Exhibit:
    """Return the confusion matrix, or the most frequent confusions where classes are many.

    Args:
        chosen: the candidate's name.
        candidate: its details on the validation split.
    """
    found = confuse(candidate)
    if found.matrix:
        return Exhibit(
            key="confusion",
            title=f"Confusion matrix of {chosen} on the validation split; rows are true classes, columns its answers",
            head=("", *(name for name, _ in found.matrix)),
            rows=tuple((name, *(f"{cell.count:,}" for cell in cells)) for name, cells in found.matrix),
        )
    return Exhibit(
        key="confusion",
        title=f"The most frequent confusions of {chosen} on the validation split",
        head=("Class", "Taken for", "Samples"),
        rows=tuple(tuple(pair.values()) for pair in found.pairs),
    )
