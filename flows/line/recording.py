"""The record of a release: who is told of it, DVC's remote, git's commit and tag."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.line.announcing import announce, subject_of
from flows.line.naming import task_name
from flows.line.telling import tell
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.releases.promotion import Registry
from tasks.versioning.dvc import push
from tasks.versioning.record import record_release
from tasks.versioning.recorded import Mark, is_recorded, mark_recorded


def announce_and_record(params: Params, registry: Registry, release: Release, sentence: str, cause: str | None) -> None:
    """Tell people of a release and keep its record, unless that was done: a run may have ended before it had.

    Args:
        params: of the project.
        registry: open.
        release: in the channels that it has come to.
        sentence: of the decision.
        cause: why the run was started.
    """
    if not is_recorded(release.manifest_sha256, mark_of(params, release)):
        announce(params, registry, release, sentence)
        record(params, release, cause)


@task(task_run_name=task_name, cache_policy=NO_CACHE, persist_result=False)
def record(params: Params, release: Release, cause: str | None = None) -> None:
    """Copy data and models to DVC's remote; commit and tag the release. To do it again does no harm.

    Args:
        params: of the project.
        release: in a channel.
        cause: why the run was started.
    """
    if params.versioning.push:
        tell("record", f"{push()} files copied to the remote")
    if params.versioning.commit:
        for line in record_release(params.versioning, subject_of(params.deployment.model, release, cause)):
            tell("record", line)
    mark_recorded(release.manifest_sha256, mark_of(params, release))


def mark_of(params: Params, release: Release) -> Mark:
    """Return what is noted once the record of a release is kept.

    Args:
        params: of the project.
        release: that was recorded.
    """
    asked = params.versioning
    return Mark(
        model=params.deployment.model,
        version=release.version,
        push=asked.push,
        commit=asked.commit,
        git_remote=asked.git_remote,
    )
