"""Records of the stage ``drift``: profiles of data, and how one differs from what a release was made of."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from tasks.records import Record
from tasks.samples import Specs

PROFILE = Path("reports/data_profile.json")
DRIFT = Path("reports/drift.json")
PRODUCTION_PROFILE = Path("models/production/data_profile.json")  # of the release, if it carries one
PRODUCTION_RECORD = Path("models/production/production.json")
MOST_BINS = 10_000  # of a histogram; classes are bins, too

Count = Annotated[int, Field(ge=0)]
Test = Literal["Kolmogorov-Smirnov", "chi-squared"]


class Histogram(Record):
    """The number of samples in each of equal bins between two bounds; those outside count in the outer ones."""

    low: float
    high: float
    counts: Annotated[tuple[Count, ...], Field(min_length=1, max_length=MOST_BINS)]

    @model_validator(mode="after")
    def _has_a_range(self) -> "Histogram":
        if not self.low < self.high:
            raise ValueError("expected low below high")
        return self


class Profile(Record):
    """The profile of data, in numbers of many samples: no sample and no name of one is in it.

    ``classes`` counts the samples of each; empty where there are none, or nobody knows them. ``statistics`` are of the
    inputs and, without classes, of the target, by their names.
    """

    format: Literal[1] = 1
    workload: Annotated[str, Field(max_length=200)]
    inputs: Annotated[Specs, Field(max_length=100)]
    samples: Count
    classes: Annotated[dict[str, Count], Field(max_length=MOST_BINS)]
    statistics: Annotated[dict[str, Histogram], Field(max_length=1000)]


class Shift(Record):
    """One statistic, then and now.

    ``effect`` is the distance of Kolmogorov-Smirnov, or Cramér's V of the classes' shares, both from 0 to 1. ``p`` is
    corrected for the number of tests. ``shifted``: it is no chance, and large enough.
    """

    statistic: str
    test: Test
    psi: float
    effect: float
    p: float
    shifted: bool
    sentence: str


class ProductionRelease(BaseModel):
    """The release in production; more is in its record, which the stage ``production`` writes."""

    release: int | None


class DriftReport(Record):
    """The difference of data from what a release was made of; no shifts where there is nothing to compare with."""

    release: int | None
    samples: Count
    shifts: tuple[Shift, ...]
    calls_for_retrain: bool
    sentence: str
