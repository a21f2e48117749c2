"""The operator's page shows these exhibits of classes."""

from typing import Any

from tasks.workloads.outcomes.classes.details import ClassesDetails, ClassQuality
from tasks.workloads.outcomes.classes.exhibits import MOST_ROWS, exhibits


def details(recalls: dict[str, float], confusion: tuple[tuple[int, ...], ...] = ()) -> dict[str, Any]:
    per_class = {
        name: ClassQuality(precision=1.0, recall=recall, f1=1.0, support=1000) for name, recall in recalls.items()
    }
    none = tuple((0,) * len(recalls) for _ in recalls)
    made = ClassesDetails(agreement=1.0, per_class=per_class, confusion=confusion or none)
    return made.model_dump(mode="json")


def test_the_class_that_lost_most_comes_first_with_its_change() -> None:
    before, after = {"cat": 0.9, "dog": 0.8}, {"cat": 0.85, "dog": 0.82}
    per_class, _ = exhibits("int8", details(before), details(after))
    assert per_class.head == ("Class", "Samples", "Baseline", "Candidate", "Change in points")
    assert per_class.rows == (
        ("cat", "1,000", "90.00 %", "85.00 %", "−5.00"),
        ("dog", "1,000", "80.00 %", "82.00 %", "+2.00"),
    )
    assert per_class.picture
    assert per_class.picture.startswith("<svg")


def test_the_confusion_matrix_has_true_classes_as_rows() -> None:
    recalls = {"cat": 0.9, "dog": 0.8}
    _, confusion = exhibits("int8", details(recalls), details(recalls, ((9, 1), (2, 8))))
    assert (confusion.head, confusion.rows) == (("", "cat", "dog"), (("cat", "9", "1"), ("dog", "2", "8")))


def test_of_many_classes_those_that_matter_are_shown() -> None:
    recalls = {f"class {number:03}": number / 1000 for number in range(MOST_ROWS + 1)}
    confusion = tuple(tuple(7 if (i, j) == (0, 1) else 0 for j in range(len(recalls))) for i in range(len(recalls)))
    per_class, confused = exhibits("int8", details(recalls), details(recalls, confusion))
    assert len(per_class.rows) == MOST_ROWS
    assert "of 101 classes the 100 that lost most" in per_class.title
    assert confused.rows == (("class 000", "class 001", "7"),)
