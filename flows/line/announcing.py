"""The words about a release for people and for git: who is told of it, and what its record says."""

from flows.line.notices import Claim, about_move, keep_for_later, tell_of
from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.records import Pointer, Release
from tasks.deployment.registry import claim_event, current
from tasks.deployment.releases.memory import released_here
from tasks.deployment.releases.promotion import Registry
from tasks.errors import StoreError
from tasks.notifying.events import Event, approval_wanted
from tasks.notifying.outbox import Outbox
from tasks.versioning.record import Subject


def announce(params: Params, registry: Registry, release: Release, sentence: str) -> None:
    """Let people be told of a release, before its record is kept: a run that makes up for the record tells, too.

    Args:
        params: of the project.
        registry: the project's, open.
        release: that was made.
        sentence: of the verdict.
    """
    settings = params.deployment
    if settings.channel in release.channels:
        pointer = current(registry.store, settings.model, settings.channel)
        if pointer is not None and pointer.manifest_sha256 == release.manifest_sha256:
            event = about_move(settings.model, registry.store.url, settings.channel, pointer, figures_of(release))
            keep_for_later(event, claim=claim_in(registry))
    elif settings.staging in release.channels:
        command = f"slimline approve {release.model}@{release.version} --reason …"
        event = approval_wanted(
            settings.model, release.version, release.manifest_sha256, sentence, command, figures=figures_of(release)
        )
        keep_for_later(event, claim=claim_in(registry))


def announce_move(registry: Registry, channel: str, move: Pointer) -> None:
    """Tell people that a channel was moved.

    Args:
        registry: of the channel.
        channel: its name.
        move: that was made.
    """
    tell_of(about_move(registry.model, registry.store.url, channel, move), claim=claim_in(registry))


def claim_in(registry: Registry) -> Claim:
    """Return what claims events in a store, so that of several clones of the project one tells of each.

    Args:
        registry: of the model that the events are about.
    """

    def claim(event: Event) -> bool:
        try:
            return claim_event(registry.store, registry.model, event.id, Outbox().owner())
        except StoreError:  # better told twice than never
            return True

    return claim


def figures_of(release: Release) -> str:
    """Return a release's size and metrics in one line.

    Args:
        release: that was made.
    """
    figures = "; ".join(f"{name} {value:.4g}" for name, value in release.metrics.items())
    return f"{release.stored_bytes:,} bytes stored, {release.loaded_bytes:,} loaded; {figures} (validation)"


def subject_of(model: str, release: Release, cause: str | None) -> Subject:
    """Return what git's record says of a release; it vouches for the manifest only if this project has made it.

    Args:
        model: the model's name.
        release: that was made.
        cause: why the run was started.
    """
    made_here = release.manifest_sha256 in released_here(model, release.version)
    lines = [
        f"Recipe: {release.recipe}",
        f"Figures: {figures_of(release)}",
        f"Channels: {', '.join(release.channels) or 'none'}",
        *([f"Cause: {cause}"] if cause else []),
    ]
    digest, path = release.manifest_sha256 if made_here else None, candidate_model(release.recipe)
    return Subject(model, release.version, digest, path.as_posix(), tuple(lines))
