"""Commands that keep releases: ``retention``, ``pin``, ``unpin``, ``serve`` and ``reproduce``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.cli.options import Json
from flows.cli.release import Model, Reason, Store, deployment
from flows.cli.trust_options import AllowUnsigned, TrustedKeys, resolve_trust
from flows.terminal import ended_by_sigterm, print_json, say, tell

if TYPE_CHECKING:
    from tasks.deployment.releases.reproduction import Reproduction

DIFFERS = 4  # exit code: a release came out otherwise


def retention(
    *,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Only show what would go.")] = False,
    keep: Annotated[int | None, Parameter(help="How many of the newest stay; by default as params.yaml says.")] = None,
    model: Model = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Remove old releases and uploads that never ended.

    The newest, what a channel points to or would be rolled back to, and what is pinned stay.
    """
    from flows.cli.summary import print_rows
    from tasks.config import parse_deployment
    from tasks.deployment.releases.retention import tidy
    from tasks.deployment.stores.opening import open_store

    settings = deployment(store, model)
    if keep is not None:
        policy = {**settings.retention.model_dump(), "keep": keep}
        settings = parse_deployment({**settings.model_dump(), "retention": policy})
    tidied = tidy(open_store(settings.store), settings.model, settings.retention, dry_run)
    if json:
        rows = [fate.model_dump(mode="json") for fate in tidied.fates]
        print_json({"dry_run": dry_run, "versions": rows, "leftovers": list(tidied.pieces)})
        return
    words = {True: "would go" if dry_run else "gone", False: "stays"}
    table = [
        {"Version": str(fate.version), "Fate": words[fate.goes], "Bytes": f"{fate.bytes:,}", "Why": fate.why}
        for fate in tidied.fates
    ]
    print_rows(f"Versions of {settings.model}", table)
    if tidied.pieces:
        tell(f"Pieces of unfinished uploads: {len(tidied.pieces)} {words[True]}.")


def pin(version: int, *, reason: Reason, model: Model = None, store: Store = None) -> None:
    """Keep a release until it is unpinned.

    Parameters
    ----------
    version
        The release.
    """
    from tasks.config import check_version
    from tasks.deployment.releases.channels import actor
    from tasks.deployment.releases.leases import pin as keep
    from tasks.deployment.stores.opening import open_store

    check_version(version)
    settings = deployment(store, model)
    keep(open_store(settings.store), settings.model, version, reason, actor())
    tell(f"{settings.model} {version} is pinned: {reason}")


def unpin(version: int, *, model: Model = None, store: Store = None) -> None:
    """Let a release go when its time comes.

    Parameters
    ----------
    version
        The release.
    """
    from tasks.config import check_version
    from tasks.deployment.releases.leases import unpin as let_go
    from tasks.deployment.stores.opening import open_store

    check_version(version)
    settings = deployment(store, model)
    was = let_go(open_store(settings.store), settings.model, version)
    tell(f"{settings.model} {version} {'is no longer pinned' if was else 'was not pinned'}")


def serve(
    *,
    model: Model = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
) -> None:
    """Let TensorFlow Serving have what the channel points to; moves do so, this ends one that broke off."""
    from tasks.deployment.registry import current, read_manifest
    from tasks.deployment.releases.serving import serve as copy
    from tasks.deployment.stores.opening import open_store

    settings, trust = deployment(store, model), resolve_trust(trusted_keys, allow_unsigned)
    opened = open_store(settings.store)
    pointer = current(opened, settings.model, settings.channel)
    if pointer is None:
        tell(f"No release of {settings.model} is {settings.channel} yet")
        return
    release = read_manifest(opened, settings.model, pointer.version, trust, pointer.manifest_sha256)
    where = copy(opened, pointer, release)
    tell(
        where or f"{settings.model} {pointer.version} has no SavedModel: set deployment.serving before the next release"
    )


def reproduce(
    release: str,
    *,
    folder: Annotated[Path | None, Parameter(help="An empty folder to work in, which is kept.")] = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> int:
    """Make a release again from its commit, dvc.lock and data, and compare the model bit for bit.

    Exit codes: 0 the same, 4 it came out otherwise.

    Parameters
    ----------
    release
        MODEL@VERSION, as digits@3.
    """
    from flows.operations.rebuilding import parse_release, reproduce_in
    from tasks.deployment.stores.opening import open_store

    name, version = parse_release(release)
    opened = open_store(deployment(store, name).store)
    trust = resolve_trust(trusted_keys, allow_unsigned)
    with ended_by_sigterm():
        made = reproduce_in(folder, opened, name, version, trust, say)
    if json:
        print_json(made.model_dump(mode="json"))
    else:
        _show(made)
    return 0 if made.identical else DIFFERS


def _show(made: "Reproduction") -> None:
    from flows.cli.summary import print_rows

    rows = [
        {"File": output.path, "Released": output.released or "", "Again": output.rebuilt or ""}
        for output in made.outputs
    ]
    print_rows("What the stages made (MD5)", rows)
    tell(made.sentence)
    for line in made.differences:
        tell(f"- {line}")
