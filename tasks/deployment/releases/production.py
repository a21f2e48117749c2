"""The stage `production`: the release in the channel, brought here so that candidates are compared with it."""

import json
import shutil
import tempfile
from pathlib import Path

from tasks.config import Deployment, Params
from tasks.deployment.device.downloading import download
from tasks.deployment.records import LABELS, MODEL, PRODUCTION, SIGNATURE, Pointer, Production
from tasks.deployment.registry import current, read_manifest
from tasks.deployment.releases.data_consents import find_replacing
from tasks.deployment.releases.replacing import find_consent, workload_of
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import Trust, project_trust
from tasks.drift.records import PRODUCTION_PROFILE
from tasks.errors import DataError
from tasks.evaluation.records import PRODUCTION_CONSENT, Consent
from tasks.files import sha256, sync
from tasks.records import read_record, write_record
from tasks.samples import ASSETS

FOLDER = PRODUCTION.parent


def production(params: Params) -> None:
    """Bring ``models/production`` to what the channel points to: production.json, the model and what its data was like.

    What ``deployment.replaces`` or a consent to new data says of that release goes into consent.json.

    Args:
        params: all of params.yaml.

    Raises:
        Untrusted: nobody whom the project trusts has signed the release.
        ReleaseError: the release is not what its manifest says.
        StoreError: the store cannot be read.
    """
    settings = params.deployment
    store, trust = open_store(settings.store), project_trust(settings.trust)
    pointer = current(store, settings.model, settings.channel)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if pointer is None:
        write_record(PRODUCTION, Production())
        (FOLDER / MODEL).unlink(missing_ok=True)
        shutil.rmtree(FOLDER / ASSETS, ignore_errors=True)
        PRODUCTION_PROFILE.unlink(missing_ok=True)
        print(f"no release of {settings.model} is in the channel {settings.channel} yet")
    elif _is_here(store, settings.model, pointer, trust):
        print(f"release {pointer.version} of {settings.model} is here already")
    else:
        _bring(store, settings.model, pointer, trust)
        print(f"fetched release {pointer.version} of {settings.model}")
    if consent := _consent(store, settings, pointer):
        write_record(PRODUCTION_CONSENT, consent)
        print(consent.sentence)
    else:
        PRODUCTION_CONSENT.unlink(missing_ok=True)


def production_changed(params: Params, store: Store) -> bool:
    """Return whether the channel in the store points to something else than is here, or may be moved otherwise.

    Args:
        params: of the project.
        store: that has the channel.
    """
    settings = params.deployment
    here = _recorded()
    pointer = current(store, settings.model, settings.channel)
    if here is None or here.manifest_sha256 != (pointer.manifest_sha256 if pointer else None):
        return True
    recorded = read_record(PRODUCTION_CONSENT, Consent) if PRODUCTION_CONSENT.exists() else None
    return recorded != _consent(store, settings, pointer)


def _consent(store: Store, settings: Deployment, pointer: Pointer | None) -> Consent | None:
    """Judge what a person has said of the release in the channel: in params.yaml, or about the data; None: nothing."""
    if pointer is None:
        return None
    named = None
    if settings.replaces is not None:
        named = find_consent(store, settings.model, settings.channel, pointer, settings.replaces)
    if named and named.counts:
        return named
    return find_replacing(store, settings.model, settings.channel, pointer) or named


def _recorded() -> Production | None:
    try:
        return read_record(PRODUCTION, Production)
    except DataError:
        return None


def _is_here(store: Store, model: str, pointer: Pointer, trust: Trust) -> bool:
    here = _recorded()
    if here is None or here.manifest_sha256 != pointer.manifest_sha256 or not (FOLDER / MODEL).exists():
        return False
    sealed = read_manifest(store, model, pointer.version, trust, pointer.manifest_sha256)
    manifest = sealed.manifest
    wanted = {MODEL: manifest.unpacked} | {f"{ASSETS}/{name}": manifest.files[name] for name in manifest.assets}
    return all((FOLDER / name).is_file() and sha256(FOLDER / name) == file.sha256 for name, file in wanted.items())


def _bring(store: Store, model: str, pointer: Pointer, trust: Trust) -> None:
    """The model first, the record last: killed in between, the record does not fit and the stage does it again."""
    with tempfile.TemporaryDirectory(prefix=".production-", dir=FOLDER.parent) as temporary:
        folder = Path(temporary)
        sealed = read_manifest(store, model, pointer.version, trust, pointer.manifest_sha256)
        download(store, sealed, folder)
        classes = json.loads((folder / LABELS).read_bytes()) if (folder / LABELS).exists() else ()
        workload = _workload(folder / SIGNATURE)
        shutil.rmtree(FOLDER / ASSETS, ignore_errors=True)
        for name in sealed.manifest.assets:
            (FOLDER / ASSETS).mkdir(exist_ok=True)
            (folder / name).replace(FOLDER / ASSETS / name)
        PRODUCTION_PROFILE.unlink(missing_ok=True)
        if (folder / PRODUCTION_PROFILE.name).exists():
            (folder / PRODUCTION_PROFILE.name).replace(PRODUCTION_PROFILE)
        sync(folder / MODEL)
        (folder / MODEL).replace(FOLDER / MODEL)
    record = Production(
        release=pointer.version,
        manifest_sha256=pointer.manifest_sha256,
        classes=tuple(classes),
        workload=workload,
        outcome=sealed.manifest.outcome,
        settled=sealed.manifest.settled,
    )
    write_record(PRODUCTION, record)


def _workload(signature: Path) -> str | None:
    """Return the workload of a fetched release; None where its signature does not say it."""
    try:
        return workload_of(json.loads(signature.read_bytes()))
    except (OSError, ValueError, AttributeError):
        return None
