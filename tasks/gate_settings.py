"""The part ``gate`` of params.yaml: the rules that a candidate has to meet.

Which metrics there are is the outcome's, and comes in pydantic's context, see :class:`Known`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, model_validator
from pydantic_core import PydanticKnownError

from tasks.settings import Fraction, Settings

Versus = Literal["baseline", "production"]
Against = Annotated[
    tuple[Versus, ...], Field(strict=False, min_length=1, description="the models that it is compared with")
]
BASELINE_ALONE: tuple[Versus, ...] = ("baseline",)
Confidence = Annotated[
    float, Field(gt=0.5, lt=1, description="the least that it is proven with; later decisions need more")
]
COSTS = ("latency", "loaded_bytes", "stored_bytes")  # metrics of rules that every outcome has
OBJECTIVES = ("bytes", "latency")  # beside the outcome's metrics


class KnownMetric(Protocol):
    """The part of a metric that is looked at here."""

    name: Any
    less_is_better: Any
    least: Any
    most: Any


class Known(Protocol):
    """The part of an outcome that is looked at here: metrics, those with figures of classes, rules of its own."""

    metrics: Any
    per_class: Any
    of_class: Any
    rules: Any


def _known(info: ValidationInfo) -> Known | None:
    return (info.context or {}).get("outcome")


def _metric(name: str, info: ValidationInfo) -> KnownMetric | None:
    known = _known(info)
    return next((metric for metric in known.metrics if metric.name == name), None) if known else None


def _check_metric(name: str, info: ValidationInfo) -> str:
    known = _known(info)
    if known is not None:
        names = [metric.name for metric in known.metrics]
        if name not in {*names, *known.rules}:
            raise ValueError(f"expected one of {', '.join([*names, *sorted(known.rules), *COSTS])}")
    return name


def _check_objective(name: str, info: ValidationInfo) -> str:
    known = _known(info)
    if known is not None:
        names = [*OBJECTIVES, *(metric.name for metric in known.metrics)]
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
    return name


def _check_limit(value: float | None, info: ValidationInfo) -> float | None:
    metric = _metric(info.data.get("metric", ""), info)
    if value is None or metric is None:
        return value
    if info.field_name in ("min", "max") and (info.field_name == "max") != metric.less_is_better:
        better, key = ("less", "max (a ceiling)") if metric.less_is_better else ("more", "min (a floor)")
        raise ValueError(f"expected {key} in its place, as {better} {metric.name} is better")
    least, most = metric.least, metric.most
    if info.field_name == "margin":
        least, most = 0, metric.most - metric.least
    if value <= least:
        raise PydanticKnownError("greater_than", {"gt": least})
    if value >= most:
        raise PydanticKnownError("less_than", {"lt": most})
    return value


Limit = Annotated[float | None, AfterValidator(_check_limit)]


class QualityRule(Settings):
    """The candidate is good enough: as good as another model, by a margin, or beyond a limit, or both.

    ``margin``: by how much it may be worse: of a metric of which more is better, the lower bound of
    (candidate − other), on the same samples, lies above −margin; of one of which less is better, the upper bound lies
    below margin. ``per_class``: it does in each class by itself. ``min``: the lower bound of the candidate's own figure
    is at or above it; ``max``: of one of which less is better, the upper bound is at or below it. ``of``: all that of
    one class, in place of the average of all.
    """

    metric: Annotated[str, AfterValidator(_check_metric), Field(description="what is compared, one of the outcome's")]
    margin: Annotated[Limit, Field(description="by so much it may be worse than the others")] = None
    min: Annotated[Limit, Field(description="the floor of its own figure")] = None
    max: Annotated[
        Limit,
        Field(description="the ceiling of its own figure, of an error", exclude_if=lambda value: value is None),
    ] = None
    per_class: Annotated[bool, Field(description="true: in each class by itself; of recall alone")] = False
    of: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | None,
        Field(
            description="a class by its name: its precision, recall or f1 alone", exclude_if=lambda value: value is None
        ),
    ] = None
    confidence: Confidence = 0.95
    versus: Against = BASELINE_ALONE

    @property
    def limit(self) -> float | None:
        """Limit of the candidate's own figure: the floor, or the ceiling."""
        return self.min if self.max is None else self.max

    @model_validator(mode="after")
    def _need_a_limit(self, info: ValidationInfo) -> "QualityRule":
        if self.margin is None and self.limit is None:
            raise ValueError("expected margin (to the models in versus) or min (a floor; max, if less is better)")
        if self.margin is None and self.versus != BASELINE_ALONE:
            raise ValueError("expected margin beside versus: a floor compares with nothing")
        known = _known(info)
        if self.per_class and known is not None and not known.per_class:
            raise ValueError("expected no per_class: the outcome of data.workload has no classes")
        if self.of is not None and (self.per_class or (known is not None and self.metric not in known.of_class)):
            able = f"of the metric {', '.join(known.of_class)}, " if known and known.of_class else ""
            raise ValueError(
                f"expected of (one class) in a rule {able}without per_class"
                if known is None or known.of_class
                else "expected no of: the outcome of data.workload has no classes"
            )
        names = known.per_class if known else (self.metric,)
        if self.per_class and (self.metric not in names or self.margin is None or self.limit is not None):
            raise ValueError(
                f"expected per_class in a rule of its own, of the metric {' or '.join(names)}, with margin and no min"
            )
        return self


class AgreementRule(Settings):
    """The candidate gives the baseline's answer on at least this fraction of the samples."""

    metric: Annotated[
        Literal["agreement"], AfterValidator(_check_metric), Field(description="answers that are the baseline's")
    ]
    min: Annotated[Fraction, Field(description="fraction of the samples")]
    confidence: Confidence = 0.95

    @property
    def versus(self) -> tuple[Versus, ...]:
        """The baseline alone."""
        return BASELINE_ALONE


class NegativeFlipsRule(Settings):
    """The candidate is wrong for at most this fraction of all samples where the other model is right."""

    metric: Annotated[
        Literal["negative_flips"],
        AfterValidator(_check_metric),
        Field(description="samples that were right and are wrong now"),
    ]
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
            raise ValueError("expected max_ratio (to versus) or max_ms (milliseconds a sample), or both")
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
    """The baseline and the candidate are better than the best answer that is always the same.

    It holds beside all rules, unless one sets a floor that no answer reaches which does not depend on the sample.
    """

    confidence: Confidence = 0.95


# what is judged on the sealed test samples; latency and bytes are not, and cost nothing of the error
Sealed = QualityRule | AgreementRule | NegativeFlipsRule


def _kind(rule: Any) -> str:
    metric = rule.get("metric") if isinstance(rule, Mapping) else getattr(rule, "metric", None)
    return KINDS.get(metric, "quality") if isinstance(metric, str) else "quality"


KINDS = {"loaded_bytes": "bytes", "stored_bytes": "bytes"} | {
    name: name for name in ("agreement", "negative_flips", "latency")
}
Rule = Annotated[
    Annotated[QualityRule, Tag("quality")]
    | Annotated[AgreementRule, Tag("agreement")]
    | Annotated[NegativeFlipsRule, Tag("negative_flips")]
    | Annotated[LatencyRule, Tag("latency")]
    | Annotated[BytesRule, Tag("bytes")],
    Discriminator(_kind),
]


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
        str,
        AfterValidator(_check_objective),
        Field(description="what the chosen candidate is best at: bytes, latency, or one of the outcome's metrics"),
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
    references: Annotated[
        Literal["refuse", "report"],
        Field(description="refuse: a candidate that is clearly inferior to iALS or EASE, for ratings, is held back"),
    ] = "refuse"
    rules: Annotated[
        tuple[Rule, ...],
        Field(strict=False, description="what a candidate has to prove"),
        AfterValidator(_check_rules),
    ]

    @property
    def sealed(self) -> tuple[Sealed | Learnt, ...]:
        """Return what is decided on the sealed test samples."""
        return (*(rule for rule in self.rules if isinstance(rule, Sealed)), self.learnt)
