"""The stage ``drift``: what the data is like, and how it differs from what the release in production was made of."""

from pydantic import ValidationError

from tasks.config import Params
from tasks.drift.comparing import compare
from tasks.drift.profiling import profile_prepared
from tasks.drift.records import (
    DRIFT,
    PRODUCTION_PROFILE,
    PRODUCTION_RECORD,
    PROFILE,
    DriftReport,
    ProductionRelease,
    Profile,
)
from tasks.errors import DataError
from tasks.records import read_record, write_record
from tasks.workloads.protocol import LearnedReader
from tasks.workloads.rereading import assets_beside, learned_reader


def drift(params: Params) -> None:
    """Write what the prepared data is like, and how it differs from what the release in production was made of.

    Args:
        params: all of params.yaml.

    Raises:
        DataError: prepared data or the release's profile is missing or damaged.
    """
    profile = profile_prepared()
    write_record(PROFILE, profile)
    reader = production_reader(params.data.workload)
    report = compare_with_production(profile if reader is None else profile_prepared(reader=reader), params)
    write_record(DRIFT, report)
    print(report.sentence)


def compare_with_production(profile: Profile, params: Params) -> DriftReport:
    """Return how data differ from what the release in production was made of, as far as that was fetched.

    Args:
        profile: what the data is like.
        params: all of params.yaml.

    Raises:
        DataError: the release's profile is damaged.
    """
    return compare(production_profile(), profile, params.drift, production_release())


def production_reader(workload: str) -> LearnedReader | None:
    """Return how the release in production reads samples; None where it has not learned it, or there is none.

    Args:
        workload: as ``data.workload`` names it.

    Raises:
        DataError: what it has learned cannot be read.
    """
    assets = assets_beside(PRODUCTION_RECORD)
    return learned_reader(workload, assets) if assets else None


def production_profile() -> Profile | None:
    """Return what the data of the release in production was like; None where there is none, or it does not say.

    Raises:
        DataError: its profile is damaged.
    """
    return read_record(PRODUCTION_PROFILE, Profile) if PRODUCTION_PROFILE.exists() else None


def expect_production_profile() -> Profile:
    """Return what the data of the release in production was like.

    Raises:
        DataError: there is no release, or it does not say.
    """
    if profile := production_profile():
        return profile
    release = production_release()
    received = "no release in production" if release is None else f"release {release}, which carries none"
    raise DataError(
        f"Expected a release in production that says what its data was like. Received: {received}. Release a model "
        f"with this version of slimline first."
    )


def production_release() -> int | None:
    """Return the number of the release in production, as the stage ``production`` has left it; None if there is none.

    Raises:
        DataError: its record is damaged.
    """
    if not PRODUCTION_RECORD.exists():
        return None
    try:
        return ProductionRelease.model_validate_json(PRODUCTION_RECORD.read_bytes()).release
    except ValidationError:
        raise DataError(
            f"Expected {PRODUCTION_RECORD} to name a release. Received: something else. Run `dvc repro production`."
        ) from None
