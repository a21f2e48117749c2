"""The record of a release: who is told of it, DVC's remote, git's commit and tag."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.line.notices import about_move, keep_for_later
from flows.line.telling import tell
from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.registry import current as current_move
from tasks.deployment.releases.memory import released_here
from tasks.deployment.releases.promotion import Registry
from tasks.notifying.events import approval_wanted
from tasks.versioning.dvc import push
from tasks.versioning.record import Subject, record_release
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


def announce(params: Params, registry: Registry, release: Release, sentence: str) -> None:
    """Let people be told of a release, before its record is kept: a run that makes up for the record tells, too."""
    settings = params.deployment
    if settings.channel in release.channels:
        pointer = current_move(registry.store, settings.model, settings.channel)
        if pointer is not None and pointer.manifest_sha256 == release.manifest_sha256:
            keep_for_later(
                about_move(settings.model, registry.store.url, settings.channel, pointer, figures_of(release))
            )
    elif settings.staging in release.channels:
        command = f"slimline approve {release.model}@{release.version} --reason …"
        keep_for_later(
            approval_wanted(
                settings.model, release.version, release.manifest_sha256, sentence, command, figures=figures_of(release)
            )
        )


@task(cache_policy=NO_CACHE, persist_result=False)
def record(params: Params, release: Release, cause: str | None = None) -> None:
    """Copy data and models to DVC's remote; commit and tag the release. To do it again does no harm."""
    if params.versioning.push:
        tell("record", f"{push()} files copied to the remote")
    if params.versioning.commit:
        for line in record_release(params.versioning, subject_of(params.deployment.model, release, cause)):
            tell("record", line)
    mark_recorded(release.manifest_sha256, mark_of(params, release))


def figures_of(release: Release) -> str:
    """Return a release's size and metrics in one line."""
    figures = "; ".join(f"{name} {value:.4g}" for name, value in release.metrics.items())
    return f"{release.stored_bytes:,} bytes stored, {release.loaded_bytes:,} loaded; {figures} (validation)"


def subject_of(model: str, release: Release, cause: str | None) -> Subject:
    """Return what git's record says of a release; it vouches for the manifest only if this project has made it."""
    made_here = release.manifest_sha256 in released_here(model, release.version)
    lines = [
        f"Recipe: {release.recipe}",
        f"Figures: {figures_of(release)}",
        f"Channels: {', '.join(release.channels) or 'none'}",
        *([f"Cause: {cause}"] if cause else []),
    ]
    digest, path = release.manifest_sha256 if made_here else None, candidate_model(release.recipe)
    return Subject(model, release.version, digest, path.as_posix(), tuple(lines))


def mark_of(params: Params, release: Release) -> Mark:
    """Return what is noted once the record of a release is kept."""
    asked = params.versioning
    return Mark(
        model=params.deployment.model,
        version=release.version,
        push=asked.push,
        commit=asked.commit,
        git_remote=asked.git_remote,
    )
