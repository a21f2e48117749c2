"""Commands for the person who is asked: ``approve`` and ``reject``."""

import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.cli.options import Json
from flows.cli.release import Reason, Store, deployment, open_registry, tell_of_move
from flows.cli.trust_options import AllowUnsigned, TrustedKeys
from flows.cli.watching import answer_data
from flows.terminal import print_json, tell

if TYPE_CHECKING:
    from tasks.deployment.approvals.approving import Reviewed
    from tasks.deployment.approvals.waiting import Terms
    from tasks.deployment.releases.promotion import Registry

What = Annotated[
    str, Parameter(help="MODEL@VERSION, as digits@3: the release that waits in staging; with --data the model's name.")
]
DataDigest = Annotated[
    str | None, Parameter(name="--data", help="Digest of the data that waits, or its first eight digits or more.")
]
Key = Annotated[
    Path | None,
    Parameter(name="--key", help="Your private key, where deployment.trust.require asks for signatures of approvers."),
]


def approve(
    what: What,
    *,
    reason: Reason,
    data: DataDigest = None,
    key: Key = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> None:
    """Approve a release that waits in staging: the project's channel points to it from then on.

    It must still be in staging, be what staging names, and not have waited for longer than it may. With --data it is
    data that waits: the line may train on it although classes are new or gone, or much is gone, and the new model may
    take the place of the release in production, once.
    """
    if data is not None:
        answer_data(what, data, "approved", reason, store)
        return
    from tasks.deployment.approvals.approving import approve as give
    from tasks.deployment.trust.keys import read_private

    registry, version, terms = _asked(what, reason, store, trusted_keys, allow_unsigned)
    if key:
        terms = replace(terms, key=read_private(key))
    made = give(registry, version, terms, datetime.now(UTC))
    show(registry, version, made, json)
    if made.has_moved and made.move and registry.served:
        tell_of_move(registry, registry.served, made.move)


def reject(
    what: What,
    *,
    reason: Reason,
    data: DataDigest = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> None:
    """Reject a release that waits in staging: no channel moves, and no run releases that model.

    With --data it is data that waits: no run begins on it until it changes again.
    """
    if data is not None:
        answer_data(what, data, "refused", reason, store)
        return
    from tasks.deployment.approvals.approving import reject as give

    registry, version, terms = _asked(what, reason, store, trusted_keys, allow_unsigned)
    show(registry, version, give(registry, version, terms, datetime.now(UTC)), json)


def _asked(
    what: str, reason: str, store: str | None, trusted_keys: TrustedKeys, allow_unsigned: bool
) -> "tuple[Registry, int, Terms]":
    """Return where the release is, its version, and who answers from where."""
    from flows.operations.rebuilding import parse_release
    from tasks.deployment.approvals.waiting import Terms
    from tasks.deployment.releases.channels import Why, actor

    model, version = parse_release(what)
    settings = deployment(store, model)
    terms = Terms(Why(reason, actor()), f"a terminal on {socket.gethostname()}", settings.approval_days)
    return open_registry(settings, trusted_keys, allow_unsigned), version, terms


def show(registry: "Registry", version: int, made: "Reviewed", json: bool) -> None:
    """Print what came of an answer.

    Args:
        registry: that has the release.
        version: of the release.
        made: what came of the answer.
        json: whether it is printed as JSON.
    """
    from tasks.deployment.approvals.approving import review_sentence

    if json:
        print_json(
            {
                "model": registry.model,
                "version": version,
                "review": made.review and made.review.model_dump(mode="json"),
                "channel": registry.served,
                "move": made.move and made.move.model_dump(mode="json"),
                "is_new": made.is_new,
                "has_moved": made.has_moved,
                "missing": made.missing,
            }
        )
    else:
        tell(review_sentence(registry, version, made))
