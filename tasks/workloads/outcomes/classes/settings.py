"""Settings of classes in params.yaml: ``outcome``, for data in which some classes are rare or count more."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.workloads.protocol import OutcomeSettings

Weight = Annotated[float, Field(gt=0, le=1e6)]


class ClassesSettings(OutcomeSettings):
    """The loss, the metric that training aims at, and thresholds. By itself it changes nothing.

    .. code-block:: yaml

        outcome: {weights: balanced, focal: 2.0, best: f1, thresholds: f1}
    """

    answering: ClassVar[frozenset[str]] = frozenset({"thresholds"})

    weights: Annotated[
        Literal["none", "balanced"] | dict[str, Weight],
        Field(
            description="of the loss of each class: none · balanced (classes count alike, however rare) · weights by "
            "names of classes; those that are not named have 1"
        ),
    ] = "none"
    focal: Annotated[
        float, Field(ge=0, le=10, description="exponent of the focal loss, as 2; 0: the plain cross-entropy")
    ] = 0.0
    best: Annotated[
        Literal["accuracy", "f1"],
        Field(description="metric on validation by which the best epoch of every training is kept; f1 is macro F1"),
    ] = "accuracy"
    thresholds: Annotated[
        Literal["none", "accuracy", "f1"],
        Field(
            description="none: the class of the largest logit is the answer · accuracy, f1: thresholds of the classes "
            "that are best by this metric on validation, for each model; they go with a release"
        ),
    ] = "none"
