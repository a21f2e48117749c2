"""The part ``gate`` of params.yaml: the rules that a candidate has to meet."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tasks.settings import Fraction, Settings

Versus = Literal["baseline", "production"]
Against = Annotated[
    tuple[Versus, ...], Field(strict=False, min_length=1, description="the models that it is compared with")
]
BASELINE_ALONE: tuple[Versus, ...] = ("baseline",)
Confidence = Annotated[
    float, Field(gt=0.5, lt=1, description="the least that it is proven with; later decisions need more")
]
QualityMetric = Literal["accuracy", "precision", "recall", "f1"]


class QualityRule(Settings):
    """The candidate is good enough: as good as another model, by a margin, or above a floor, or both.

    ``margin``: the lower bound of (candidate − other), on the same samples, lies above −margin. ``per_class``: it does
    in each class by itself. ``min``: the lower bound of the candidate's own figure is at or above it.
    """

    metric: Annotated[QualityMetric, Field(description="what is compared; all but accuracy are averages over classes")]
    margin: Annotated[
        Annotated[float, Field(gt=0, lt=1)] | None, Field(description="by so much it may be worse than the others")
    ] = None
    min: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, Field(description="the floor of its own figure")] = None
    per_class: Annotated[bool, Field(description="true: in each class by itself; of recall alone")] = False
    confidence: Confidence = 0.95
    versus: Against = BASELINE_ALONE

    @model_validator(mode="after")
    def _need_a_limit(self) -> "QualityRule":
        if self.margin is None and self.min is None:
            raise ValueError("expected margin (to the models in versus) or min (a floor), or both")
        if self.margin is None and self.versus != BASELINE_ALONE:
            raise ValueError("expected margin beside versus: a floor compares with nothing")
        if self.per_class and (self.metric != "recall" or self.margin is None or self.min is not None):
            raise ValueError("expected per_class in a rule of its own, of the metric recall, with margin and no min")
        return self


class AgreementRule(Settings):
    """The candidate gives the baseline's answer on at least this fraction of the samples."""

    metric: Annotated[Literal["agreement"], Field(description="answers that are the baseline's")]
    min: Annotated[Fraction, Field(description="fraction of the samples")]
    confidence: Confidence = 0.95


class NegativeFlipsRule(Settings):
    """The candidate is wrong for at most this fraction of all samples where the other model is right."""

    metric: Annotated[Literal["negative_flips"], Field(description="samples that were right and are wrong now")]
    max: Annotated[float, Field(gt=0, lt=1, description="fraction of the samples")]
    confidence: Confidence = 0.95
    versus: Against = ("production",)


class LatencyRule(Settings):
    """The candidate's latency is at most ``max_ratio`` times that of ``versus`` in the same run, at most ``max_ms``."""

    metric: Annotated[Literal["latency"], Field(description="time of one sample, on one thread")]
    max_ratio: Annotated[Annotated[float, Field(gt=0)] | None, Field(description="to that of versus")] = None
    max_ms: Annotated[Annotated[float, Field(gt=0)] | None, Field(description="milliseconds a sample")] = None
    confidence: Confidence = 0.95
    versus: Against = ("baseline",)

    @model_validator(mode="after")
    def _need_a_limit(self) -> "LatencyRule":
        if self.max_ratio is None and self.max_ms is None:
            raise ValueError("expected max_ratio (to versus) or max_ms (milliseconds an image), or both")
        return self


class BytesRule(Settings):
    """The candidate's file is small enough: as the runtime loads it, or as it is stored and downloaded."""

    metric: Annotated[
        Literal["loaded_bytes", "stored_bytes"], Field(description="as the runtime loads the file; as it is downloaded")
    ]
    max: Annotated[Annotated[int, Field(gt=0)] | None, Field(description="bytes")] = None
    max_ratio: Annotated[Annotated[float, Field(gt=0)] | None, Field(description="to the baseline's")] = None

    @model_validator(mode="after")
    def _need_a_limit(self) -> "BytesRule":
        if self.max is None and self.max_ratio is None:
            raise ValueError("expected max (bytes) or max_ratio (to the baseline), or both")
        return self


class Learnt(Settings):
    """The baseline and the candidate are right more often than the best answer that is always the same.

    It holds beside all rules, unless one sets a floor that no constant answer reaches.
    """

    confidence: Confidence = 0.95


# what is judged on the sealed test samples; latency and bytes are not, and cost nothing of the error
Sealed = QualityRule | AgreementRule | NegativeFlipsRule
Rule = Annotated[Sealed | LatencyRule | BytesRule, Field(discriminator="metric")]


def _check_rules(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if not rules:
        raise ValueError("expected at least one rule")
    return rules


class Gate(Settings):
    """The choice of a candidate, what it has to prove, and how often a false proof may come of all decisions together.

    ``error`` is shared among the decisions on the same sealed test samples, see :mod:`tasks.spending`. A rule's
    ``confidence`` is the least that it is proven with: later decisions need more.
    """

    objective: Annotated[
        Literal["bytes", "latency", "accuracy"], Field(description="what the chosen candidate is best at")
    ] = "bytes"
    error: Annotated[
        float,
        Field(
            gt=0, lt=0.5, description="probability of a false release, of all decisions on the same samples together"
        ),
    ] = 0.05
    learnt: Learnt = Learnt()
    broken_promises: Annotated[
        Literal["refuse", "report"],
        Field(description="refuse: a candidate whose recipe ends with a broken promise cannot be chosen"),
    ] = "refuse"
    rules: Annotated[
        tuple[Rule, ...],
        Field(strict=False, description="what a candidate has to prove"),
        AfterValidator(_check_rules),
    ]

    @property
    def sealed(self) -> tuple[Sealed | Learnt, ...]:
        """What is decided on the sealed test samples."""
        return (*(rule for rule in self.rules if isinstance(rule, Sealed)), self.learnt)
