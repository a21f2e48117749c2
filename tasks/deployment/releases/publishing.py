"""Publish a candidate that passed the gate as a release in a channel: all of it or nothing that anybody sees."""

import tempfile
from pathlib import Path

from tasks.config import MAX_VERSION, Deployment, Params, expect_own_name
from tasks.deployment.decisions.ledger import expect_decided
from tasks.deployment.records import (
    MANIFEST,
    MAX_REASON,
    PRODUCTION,
    DataDigests,
    DecisionMade,
    Manifest,
    Production,
    Release,
)
from tasks.deployment.registry import (
    Sealed,
    Seen,
    as_readers_take_it,
    claim,
    encode,
    now,
    open_manifest,
    release_key,
    see,
    summarize,
)
from tasks.deployment.releases import serving
from tasks.deployment.releases.bundle import bundle
from tasks.deployment.releases.channels import Why, actor
from tasks.deployment.releases.chosen import ChosenCandidate, load_chosen_candidate
from tasks.deployment.releases.memory import remember
from tasks.deployment.releases.promotion import Registry, promote, registry_of, renewed
from tasks.deployment.releases.release_state import already_released, rolled_back_reason, staged_by_this_verdict
from tasks.deployment.releases.tool import this_tool
from tasks.deployment.reviews.rules import needs_approval
from tasks.deployment.stores.progress import bar
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import signing_key
from tasks.deployment.trust.signing import seal, unseal
from tasks.deployment.trust.trusted import ANYBODY, project_trust
from tasks.errors import Conflict, NotStaged, ReleaseError
from tasks.evaluation.question import read_decision
from tasks.evaluation.records import GATE, Decision, GateReport
from tasks.records import read_record
from tasks.workloads import find_workload


def publish(params: Params, commit: str | None = None, dirty: bool | None = None) -> Release:
    """Release the chosen candidate and move the channels that wait for nobody to it.

    Args:
        params: of the project.
        commit: of the code that made the model; None without a repository.
        dirty: whether the code differed from that commit.

    Returns:
        the release, with the channels that point to it.

    Raises:
        SlimlineError: see :func:`upload` and :func:`advance`.
    """
    registry = registry_of(params.deployment)
    release = upload(params, registry, commit, dirty)
    for channel in route(params.deployment, release):
        release = advance(params, registry, release, channel)
    return release


def route(settings: Deployment, release: Release) -> tuple[str, ...]:
    """Return the channels that a release has still to go through by itself, in their order.

    Args:
        settings: of the project.
        release: with the channels that point to it already.
    """
    if settings.channel in release.channels:
        return ()
    staging = (settings.staging,) if settings.staging else ()
    waits = needs_approval(settings.approval, release.inconclusive)
    way = staging if waits else (*staging, settings.channel)
    return tuple(channel for channel in way if channel not in release.channels)


def upload(params: Params, registry: Registry, commit: str | None = None, dirty: bool | None = None) -> Release:
    """Put the chosen candidate into the store as a release to which no channel points yet.

    What the gate could not decide says so in its manifest, where a person may decide in its place.

    If a channel points to just this model already, as after a run that was killed at its end, that is the release. What
    the channel was is in ``models/production/production.json``: the candidate was compared with that release,
    so the verdict holds only as long as the channel still points to it.

    Args:
        params: of the project.
        registry: the project's, open.
        commit: of the code that made the model, None without a repository.
        dirty: whether the code differed from that commit.

    Returns:
        the release, with the channels that point to it already.

    Raises:
        ConfigError: data of one's own is to be released under a built-in's name.
        Untrusted: the project does not trust the key that it signs with.
        ReleaseError: the decision does not let it through, a file is not what it is about, or the model was taken back.
        LedgerError: the ledger in the store does not have the decision.
        Conflict: somebody else has moved the channel meanwhile; it stays as they left it.
        StoreError: the store cannot be read or written.
    """
    expect_own_name(params)
    settings = params.deployment
    chosen = load_chosen_candidate(params)
    store = registry.store
    if chosen.decision:
        expect_decided(store, settings.model, chosen.decision)
    if released := already_released(params, registry):
        return released
    if reason := rolled_back_reason(params, registry):
        raise ReleaseError(reason)
    if staged := staged_by_this_verdict(params, registry):
        return staged
    _expect(see(store, settings.model, settings.channel), read_record(PRODUCTION, Production), params)
    with as_readers_take_it():
        return summarize(_upload(store, params, chosen, commit, dirty), ())


def advance(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Move a channel of the project to a release that was just uploaded, after it was seen to work.

    Args:
        params: of the project.
        registry: the project's, open.
        release: that was uploaded.
        channel: its name.

    Returns:
        the release, with this channel among those that point to it.

    Raises:
        Untrusted: the project does not trust the key that it signs with.
        ReleaseError: the release does not work when it is fetched back.
        Conflict: somebody else has released meanwhile; the channel stays as they left it.
        StoreError: the store cannot be read or written.
    """
    settings = params.deployment
    registry = renewed(registry, settings)
    compared = read_record(PRODUCTION, Production)
    verdict = read_decision(params) or read_record(GATE, GateReport)
    why = Why(reason=verdict.sentence[:MAX_REASON], by=actor())
    seen = see(registry.store, settings.model, channel)
    if channel == settings.channel and not _points_to(seen, release.manifest_sha256):
        _expect(seen, compared, params)
    try:
        promote(registry, release.version, channel, why, seen)
    except (Conflict, NotStaged) as error:
        _expect(see(registry.store, settings.model, settings.channel), compared, params)
        raise Conflict(
            f"{error} Somebody else is releasing {settings.model}: see what comes of it, and run again."
        ) from None
    return release.model_copy(update={"channels": (*release.channels, channel)})


def _points_to(seen: Seen, manifest_sha256: str) -> bool:
    return seen.pointer is not None and seen.pointer.manifest_sha256 == manifest_sha256


def _upload(store: Store, params: Params, chosen: ChosenCandidate, commit: str | None, dirty: bool | None) -> Sealed:
    """Put a release into the store under a number of its own; the signed manifest last."""
    model = params.deployment.model
    key = signing_key(params.deployment.signing_key)
    signers = [key] if key else []
    if key:
        project_trust(params.deployment.trust).expect_not_revoked(key)
    # what the project itself would not take at its first channel is no release to begin with
    unseal(seal(b"{}", signers), project_trust(params.deployment.trust), f"a release of {model}")
    with tempfile.TemporaryDirectory(prefix="slimline-") as folder:
        made = bundle(params, chosen, Path(folder))
        exported = serving.exported(params, chosen)
        manifest = Manifest(
            model=model,
            version=MAX_VERSION,
            recipe=chosen.gate.chosen,
            created=now(),
            commit=commit,
            dirty=dirty,
            tool=this_tool(),
            workload=chosen.dataset.workload,
            outcome=find_workload(chosen.dataset.workload).outcome.name,
            metrics=chosen.quality.splits["validation"].metrics,
            decision=_decision_made(chosen.decision) if chosen.decision else None,
            inconclusive=chosen.inconclusive[:MAX_REASON] if chosen.inconclusive else None,
            data=DataDigests(source=chosen.dataset.source_digest, prepared=chosen.prepared_sha256),
            versions={**chosen.training.versions, **chosen.record.versions},
            threads=chosen.threads,
            files=made.files,
            unpacked=made.unpacked,
            assets=made.assets,
            settled=chosen.quality.settled,
            serving=serving.describe_all(exported),
        )
        # what no reader would take does not become a release; only then a number is taken
        open_manifest(seal(encode(manifest), signers), ANYBODY, f"a release of {model}")
        version = claim(store, model)
        manifest = manifest.model_copy(update={"version": version})
        files = (*made.files.values(), *manifest.serving.values())
        with bar(f"{model} {version}", sum(file.bytes for file in files)) as progress:
            for name in made.files:
                store.put_file(release_key(model, version, name), made.folder / name, progress)
            serving.upload(store, model, version, exported, progress)
    content = seal(encode(manifest), signers)
    remember(manifest)
    store.put_if_absent(release_key(model, version, MANIFEST), content)
    return open_manifest(content, ANYBODY, MANIFEST)


def _decision_made(decision: Decision) -> DecisionMade:
    return DecisionMade(ledger=decision.ledger, number=decision.number, sha256=decision.sha256, level=decision.level)


def _expect(seen: Seen, compared: Production, params: Params) -> None:
    """Refuse to go on if the channel does not point to what the candidate was compared with."""
    found = seen.pointer
    if (found.manifest_sha256 if found else None) == compared.manifest_sha256:
        return
    settings = params.deployment
    before = f"release {compared.release}" if compared.release else "no release"
    after = f"release {found.version}, moved there at {found.moved_at}" if found else "no release"
    raise Conflict(
        f"Expected the channel {settings.channel} of {settings.model} to point to {before}, with which the candidate "
        f"was compared. Received: {after}. Somebody else has released meanwhile and the channel stays as they left it; "
        f"run again, and the candidate is compared with that release."
    )
