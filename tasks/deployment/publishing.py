"""From a candidate that passed the gate to a release in a channel: all of it or nothing that anybody sees."""

import hashlib
import tempfile
from pathlib import Path

from tasks.config import Params
from tasks.data_loading.dataset import read_dataset
from tasks.deployment.bundle import bundle, labels
from tasks.deployment.evidence import Evidence, load_evidence
from tasks.deployment.keys import signing_key
from tasks.deployment.records import LABELS, MANIFEST, PRODUCTION, DataDigests, Manifest, Production, Release
from tasks.deployment.registry import (
    Sealed,
    Seen,
    claim,
    current,
    describe,
    encode,
    move,
    now,
    open_manifest,
    read_manifest,
    release_key,
    see,
)
from tasks.deployment.signing import seal
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust import ANYBODY, project_trust
from tasks.errors import Conflict
from tasks.evaluation.records import GATE, GateReport
from tasks.files import read_record


def publish(params: Params, commit: str | None = None, dirty: bool | None = None) -> Release:
    """Release the chosen candidate and point the channel to it, if the channel is as it was when the run began.

    If the channel points to just this model already, as after a run that was killed at its end, nothing is done. What
    the channel was is in ``models/production/production.json``: the candidate was compared with that release,
    so the verdict holds only as long as the channel still points to it.

    Args:
        commit: of the code that made the model, None without a repository.
        dirty: whether the code differed from that commit.

    Raises:
        ReleaseError: the gate did not pass, or a file is not what the gate decided about.
        Conflict: somebody else has moved the channel meanwhile; it stays as they left it.
        StoreError: the store cannot be read or written.
    """
    place = params.deployment
    evidence = load_evidence()
    compared = read_record(PRODUCTION, Production)
    store = open_store(place.store)
    if present := _released(store, params):
        return present
    seen = see(store, place.model, place.channel)
    _expect(seen, compared, params)
    release = describe(_upload(store, params, evidence, commit, dirty), (place.channel,))
    try:
        move(store, place.model, place.channel, seen, release.version, release.manifest_sha256)
    except Conflict:
        _expect(see(store, place.model, place.channel), compared, params)
        raise
    return release


def already_released(params: Params) -> Release | None:
    """The release that the channel points to, if it has the model that the gate decided about, with these classes."""
    return _released(open_store(params.deployment.store), params) if GATE.exists() else None


def _released(store: Store, params: Params) -> Release | None:
    place = params.deployment
    pointer = current(store, place.model, place.channel)
    if pointer is None:
        return None
    trust = project_trust(place.trust)
    sealed = read_manifest(store, place.model, pointer.version, trust, pointer.manifest_sha256)
    manifest = sealed.manifest
    same_model = manifest.unpacked.sha256 == read_record(GATE, GateReport).model_sha256
    classes = hashlib.sha256(labels(read_dataset().classes).encode()).hexdigest()
    same_classes = manifest.files[LABELS].sha256 == classes
    return describe(sealed, (place.channel,)) if same_model and same_classes else None


def _upload(store: Store, params: Params, evidence: Evidence, commit: str | None, dirty: bool | None) -> Sealed:
    """Put a release into the store under a number of its own; the signed manifest last."""
    model = params.deployment.model
    key = signing_key(params.deployment.signing_key)
    with tempfile.TemporaryDirectory(prefix="slimline-") as folder:
        made = bundle(params, evidence, Path(folder))
        version = claim(store, model)
        manifest = Manifest(
            model=model,
            version=version,
            recipe=evidence.gate.chosen,
            created=now(),
            commit=commit,
            dirty=dirty,
            accuracy=evidence.chosen.splits["test"].accuracy,
            data=DataDigests(source=evidence.dataset.source_digest, prepared=evidence.prepared_sha256),
            versions={**evidence.training.versions, **evidence.candidate.versions},
            files=made.files,
            unpacked=made.unpacked,
        )
        for name in made.files:
            store.put_file(release_key(model, version, name), made.folder / name)
    content = seal(encode(manifest), [key] if key else [])
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
