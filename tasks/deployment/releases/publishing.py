"""From a candidate that passed the gate to a release in a channel: all of it or nothing that anybody sees."""

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
    describe,
    encode,
    now,
    open_manifest,
    release_key,
    see,
)
from tasks.deployment.releases import serving
from tasks.deployment.releases.bundle import bundle
from tasks.deployment.releases.channels import Why, actor
from tasks.deployment.releases.chosen import Evidence, load_evidence
from tasks.deployment.releases.memory import remember
from tasks.deployment.releases.promotion import Registry, promote, registry_of, renewed
from tasks.deployment.releases.release_state import already_released, staged_just_so, taken_back
from tasks.deployment.releases.tool import this_tool
from tasks.deployment.stores.progress import bar
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import signing_key
from tasks.deployment.trust.signing import seal, unseal
from tasks.deployment.trust.trusted import ANYBODY, project_trust
from tasks.errors import Conflict, NotStaged, ReleaseError
from tasks.evaluation.records import DECISION, Decision
from tasks.records import read_record
from tasks.workloads import find_workload


def publish(params: Params, commit: str | None = None, dirty: bool | None = None) -> Release:
    """Release the chosen candidate and move the channels that wait for nobody to it.

    Raises: see :func:`upload` and :func:`advance`.
    """
    registry = registry_of(params.deployment)
    release = upload(params, registry, commit, dirty)
    for channel in route(params.deployment, release):
        release = advance(params, registry, release, channel)
    return release


def route(place: Deployment, release: Release) -> tuple[str, ...]:
    """The channels that a release has still to go through by itself, in their order."""
    if place.channel in release.channels:
        return ()
    staging = (place.staging,) if place.staging else ()
    way = (*staging, place.channel) if place.promotion == "automatic" else staging
    return tuple(channel for channel in way if channel not in release.channels)


def upload(params: Params, registry: Registry, commit: str | None = None, dirty: bool | None = None) -> Release:
    """Put the chosen candidate into the store as a release to which no channel points yet.

    If a channel points to just this model already, as after a run that was killed at its end, that is the release. What
    the channel was is in ``models/production/production.json``: the candidate was compared with that release,
    so the verdict holds only as long as the channel still points to it.

    Args:
        registry: the project's, open.
        commit: of the code that made the model, None without a repository.
        dirty: whether the code differed from that commit.

    Raises:
        ConfigError: data of one's own is to be released under a built-in's name.
        Untrusted: the project does not trust the key that it signs with.
        ReleaseError: the decision is not PASS, a file is not what it is about, or the model was taken back.
        LedgerError: the ledger in the store does not have the decision.
        Conflict: somebody else has moved the channel meanwhile; it stays as they left it.
        StoreError: the store cannot be read or written.
    """
    expect_own_name(params)
    place = params.deployment
    evidence = load_evidence(params)
    store = registry.store
    expect_decided(store, place.model, evidence.decision)
    if released := already_released(params, registry):
        return released
    if reason := taken_back(params, registry):
        raise ReleaseError(reason)
    if staged := staged_just_so(params, registry):
        return staged
    _expect(see(store, place.model, place.channel), read_record(PRODUCTION, Production), params)
    with as_readers_take_it():
        return describe(_upload(store, params, evidence, commit, dirty), ())


def advance(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Move a channel of the project to a release that was just uploaded, after it was seen to work.

    Raises:
        Untrusted: the project does not trust the key that it signs with.
        ReleaseError: the release does not work when it is fetched back.
        Conflict: somebody else has released meanwhile; the channel stays as they left it.
        StoreError: the store cannot be read or written.
    """
    place = params.deployment
    registry = renewed(registry, place)
    compared = read_record(PRODUCTION, Production)
    why = Why(reason=read_record(DECISION, Decision).sentence[:MAX_REASON], by=actor())
    seen = see(registry.store, place.model, channel)
    if channel == place.channel and not _points_to(seen, release.manifest_sha256):
        _expect(seen, compared, params)
    try:
        promote(registry, release.version, channel, why, seen)
    except (Conflict, NotStaged) as error:
        _expect(see(registry.store, place.model, place.channel), compared, params)
        raise Conflict(
            f"{error} Somebody else is releasing {place.model}: see what comes of it, and run again."
        ) from None
    return release.model_copy(update={"channels": (*release.channels, channel)})


def _points_to(seen: Seen, manifest_sha256: str) -> bool:
    return seen.pointer is not None and seen.pointer.manifest_sha256 == manifest_sha256


def _upload(store: Store, params: Params, evidence: Evidence, commit: str | None, dirty: bool | None) -> Sealed:
    """Put a release into the store under a number of its own; the signed manifest last."""
    model = params.deployment.model
    key = signing_key(params.deployment.signing_key)
    signers = [key] if key else []
    if key:
        project_trust(params.deployment.trust).expect_not_revoked(key)
    # what the project itself would not take at its first channel is no release to begin with
    unseal(seal(b"{}", signers), project_trust(params.deployment.trust), f"a release of {model}")
    with tempfile.TemporaryDirectory(prefix="slimline-") as folder:
        made = bundle(params, evidence, Path(folder))
        exported = serving.exported(params, evidence)
        manifest = Manifest(
            model=model,
            version=MAX_VERSION,
            recipe=evidence.gate.chosen,
            created=now(),
            commit=commit,
            dirty=dirty,
            tool=this_tool(),
            workload=evidence.dataset.workload,
            outcome=find_workload(evidence.dataset.workload).outcome.name,
            metrics=evidence.chosen.splits["validation"].metrics,
            decision=DecisionMade(
                ledger=evidence.decision.ledger,
                number=evidence.decision.number,
                sha256=evidence.decision.sha256,
                level=evidence.decision.level,
            ),
            data=DataDigests(source=evidence.dataset.source_digest, prepared=evidence.prepared_sha256),
            versions={**evidence.training.versions, **evidence.candidate.versions},
            threads=evidence.threads,
            files=made.files,
            unpacked=made.unpacked,
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


def _expect(seen: Seen, compared: Production, params: Params) -> None:
    """Refuse to go on if the channel does not point to what the candidate was compared with."""
    found = seen.pointer
    if (found.manifest_sha256 if found else None) == compared.manifest_sha256:
        return
    place = params.deployment
    before = f"release {compared.release}" if compared.release else "no release"
    after = f"release {found.version}, moved there at {found.moved_at}" if found else "no release"
    raise Conflict(
        f"Expected the channel {place.channel} of {place.model} to point to {before}, with which the candidate was "
        f"compared. Received: {after}. Somebody else has released meanwhile and the channel stays as they left it; "
        f"run again, and the candidate is compared with that release."
    )
