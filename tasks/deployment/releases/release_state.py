"""The state of the model that the gate has chosen: released already, waiting in staging, or taken back."""

import contextlib
import hashlib
from itertools import takewhile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.config import Deployment, Params
from tasks.deployment.records import LABELS, Release
from tasks.deployment.registry import current, read_manifest, summarize
from tasks.deployment.releases.bundle import labels
from tasks.deployment.releases.channels import actor, trail
from tasks.deployment.releases.promotion import Registry
from tasks.deployment.reviews.rules import needs_approval
from tasks.deployment.trust.keys import LOCAL, LOCAL_KEY, signing_key
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ConfigError, ReleaseError, Untrusted
from tasks.evaluation.records import GATE, GateReport
from tasks.files import sha256
from tasks.records import read_record
from tasks.samples import read_dataset


def already_released(params: Params, registry: Registry) -> Release | None:
    """Return the release in the channel, if it has the model that the gate decided about, with these classes.

    Args:
        params: of the project.
        registry: the project's, open.
    """
    return _with_this_model(params, registry, params.deployment.channel)


def already_staged(params: Params, registry: Registry) -> Release | None:
    """Return the release that waits in staging for a person, if it has the model that the gate decided about.

    Args:
        params: of the project.
        registry: the project's, open.
    """
    settings = params.deployment
    with contextlib.suppress(Untrusted):  # nobody waits for what nobody may promote
        staged = _with_this_model(params, registry, settings.staging) if settings.staging else None
        return staged if staged and needs_approval(settings.approval, staged.inconclusive) else None
    return None


def rolled_back_reason(params: Params, registry: Registry) -> str | None:
    """Return why the chosen model must not be released by itself: somebody has just rolled the channel back from it.

    Args:
        params: of the project.
        registry: the project's, open.
    """
    settings = params.deployment
    for made in takewhile(
        lambda each: each.kind == "rollback", trail(registry.store, settings.model, settings.channel)
    ):
        if made.previous is None:
            continue
        try:
            left = read_manifest(registry.store, settings.model, made.previous, ANYBODY).manifest
        except ReleaseError:  # swept since
            continue
        if left.unpacked.sha256 == read_record(GATE, GateReport).model_sha256:
            return (
                f"The chosen model is release {made.previous}, which {made.moved_by} took back from "
                f"{settings.channel} at {made.moved_at}: {made.reason} `slimline promote` brings it back all the same."
            )
    return None


def staged_by_this_verdict(params: Params, registry: Registry) -> Release | None:
    """Return a release of this very verdict in staging: the run that put it there was killed before its end.

    Args:
        params: of the project.
        registry: the project's, open.
    """
    settings = params.deployment
    with contextlib.suppress(Untrusted):
        return _staged_by_this_verdict(params, registry, settings.staging) if settings.staging else None
    return None


def _staged_by_this_verdict(params: Params, registry: Registry, staging: str) -> Release | None:
    settings = params.deployment
    if (staged := _with_this_model(params, registry, staging)) is None:
        return None
    sealed = read_manifest(registry.store, settings.model, staged.version, registry.trust)
    return staged if sealed.manifest.files[GATE.name].sha256 == sha256(GATE) else None


def expect_release_possible(params: Params, registry: Registry) -> None:
    """Refuse, before any work, a run that could not compare or not release, as after a key was revoked.

    Args:
        params: of the project.
        registry: the project's, open.

    Raises:
        ConfigError: the key that releases are signed with is revoked, or whoever is at work has no name.
        Untrusted: nobody trusted has signed what the channel points to.
    """
    settings = params.deployment
    actor()
    if key := _key(settings):
        registry.trust.expect_not_revoked(key)
    if pointer := current(registry.store, settings.model, settings.channel):
        try:
            read_manifest(registry.store, settings.model, pointer.version, registry.trust, pointer.manifest_sha256)
        except Untrusted:
            raise
        except ReleaseError:  # the stage `production` tells more of it
            return


def _key(settings: Deployment) -> Ed25519PrivateKey | None:
    """The key that releases are signed with, if it is here: a run that releases nothing needs none."""
    if settings.signing_key == LOCAL and not LOCAL_KEY.exists():  # the first release makes it
        return None
    try:
        return signing_key(settings.signing_key)
    except ConfigError:
        return None


def _with_this_model(params: Params, registry: Registry, channel: str) -> Release | None:
    settings = params.deployment
    pointer = current(registry.store, settings.model, channel)
    if pointer is None or not GATE.exists():
        return None
    sealed = read_manifest(registry.store, settings.model, pointer.version, registry.trust, pointer.manifest_sha256)
    gate, manifest = read_record(GATE, GateReport), sealed.manifest
    same_model = (manifest.unpacked.sha256, manifest.settled) == (gate.model_sha256, gate.settled)
    names, released = read_dataset().classes, sealed.manifest.files.get(LABELS)
    expected = hashlib.sha256(labels(names).encode()).hexdigest() if names else None
    same_classes = (released.sha256 if released else None) == expected
    return summarize(sealed, (channel,)) if same_model and same_classes else None
