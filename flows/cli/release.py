"""Commands that move channels and sign: ``promote``, ``rollback``, ``channels``, ``audit`` and ``sign``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from flows import environment
from flows.cli.options import Json
from flows.cli.trust_options import AllowUnsigned, TrustedKeys, resolve_trust
from flows.terminal import print_json, say, tell
from tasks.errors import ConfigError

if TYPE_CHECKING:
    from tasks.config import Deployment
    from tasks.deployment.records import Pointer, Review
    from tasks.deployment.releases.promotion import Registry

Model = Annotated[str | None, Parameter(name="--model", help="The model's name; by default the one of params.yaml.")]
Store = Annotated[str | None, Parameter(name="--store", help="The store's URL; by default the one of params.yaml.")]
Channel = Annotated[str | None, Parameter(name="--channel", help="By default the one of params.yaml.")]
Replaces = Annotated[
    str | None,
    Parameter(
        name="--replaces",
        help="The release of another task in the channel that may be replaced, once; by default as in params.yaml.",
    ),
]
Reason = Annotated[str, Parameter(name="--reason", help="Why, for the audit trail.")]


def promote(
    version: int | None = None,
    *,
    reason: Reason,
    channel: Channel = None,
    replaces: Replaces = None,
    model: Model = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> None:
    """Point a channel to a release, after it was fetched back and has given its recorded answers.

    Any channel but staging takes only the release that staging points to, and none takes one for another task.

    Parameters
    ----------
    version
        The release; by default the one in staging.
    """
    from tasks.config import check_version
    from tasks.deployment.releases.channels import Why, actor
    from tasks.deployment.releases.promotion import promote as move

    if version is not None:
        check_version(version)
    settings = deployment(store, model, replaces)
    target = settings.target(channel)
    registry = open_registry(settings, trusted_keys, allow_unsigned)
    moved = move(registry, version, target, Why(reason, actor()))
    _show(registry, target, moved, json)
    tell_of_move(registry, target, moved)


def rollback(
    *,
    reason: Reason,
    to: int | None = None,
    channel: Channel = None,
    model: Model = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> None:
    """Point a channel to the release that it pointed to before, as a new move.

    Parameters
    ----------
    to
        A release that the channel has pointed to; by default the one before.
    """
    from tasks.config import check_version
    from tasks.deployment.releases.channels import Why, actor
    from tasks.deployment.releases.promotion import rollback as move

    if to is not None:
        check_version(to)
    settings = deployment(store, model)
    target = settings.target(channel)
    registry = open_registry(settings, trusted_keys, allow_unsigned)
    moved = move(registry, target, Why(reason, actor()), to)
    _show(registry, target, moved, json)
    tell_of_move(registry, target, moved)


def sign(
    version: int,
    *,
    key: Path | None = None,
    replace: Annotated[
        bool,
        Parameter(
            name="--replace",
            negative="",
            help="Put it in the place of signatures of revoked keys, if the project's own records know the release.",
        ),
    ] = False,
    sha256: Annotated[
        str | None,
        Parameter(name="--sha256", help="With --replace: the manifest's SHA-256, known from a place of your own."),
    ] = None,
    role: Annotated[
        Literal["approvers"] | None,
        Parameter(name="--role", help="Sign in this role that you approve the release, which may be any; see --key."),
    ] = None,
    model: Model = None,
    store: Store = None,
    trusted_keys: TrustedKeys = (),
) -> None:
    """Put one more signature under a release that a trusted key has signed, as before that key is taken away.

    Parameters
    ----------
    version
        The release.
    key
        The private key's file; by default the one that releases are signed with.
    """
    from tasks.config import check_digest, check_version

    check_version(version)
    if sha256 is not None:
        check_digest(sha256)
        if not replace:
            raise ConfigError("Expected --sha256 with --replace. Received: it alone. Give both, or none.")
    settings = deployment(store, model)
    registry = open_registry(settings, trusted_keys, allow_unsigned=False)
    if role:
        _sign_as_approver(registry, version, key, replace)
    else:
        _sign(registry, settings, version, key, replace, sha256)


def _sign(
    registry: "Registry", settings: "Deployment", version: int, key: Path | None, replace: bool, sha256: str | None
) -> None:
    from tasks.deployment.releases.countersigning import replace_signatures
    from tasks.deployment.releases.countersigning import sign as countersign
    from tasks.deployment.trust.keys import key_id, read_private, signing_key

    mine = read_private(key) if key else signing_key(settings.signing_key)
    if mine is None:
        raise ConfigError("Expected a key to sign with. Received: none. Give --key, or set deployment.signing_key.")
    if replace:
        replace_signatures(registry, version, mine, _known(settings.model, version), sha256)
    else:
        countersign(registry, version, mine)
    ending = "; signatures of revoked keys are gone" if replace else ", too"
    tell(f"{settings.model} {version} is signed by {key_id(mine.public_key())}{ending}")


def _sign_as_approver(registry: "Registry", version: int, key: Path | None, replace: bool) -> None:
    from tasks.deployment.registry import read_manifest, sign_as_approver
    from tasks.deployment.trust.keys import key_id, read_private

    if key is None or replace:
        raise ConfigError(
            "Expected --role with --key, the private key of the approver, and without --replace. "
            f"Received: {'--replace' if replace else 'no key'}."
        )
    mine = read_private(key)
    release = read_manifest(registry.store, registry.model, version, registry.trust)
    count, threshold = sign_as_approver(registry.store, release, mine, registry.trust)
    name = f"{registry.model} {version}"
    tell(f"{name} is approved by {key_id(mine.public_key())}: {count} of {threshold} signatures of approvers")


def _known(model: str, version: int) -> frozenset[str]:
    """Return what the project's own records say about a release, none of which lies in the store."""
    from tasks.deployment.releases.memory import released_here
    from tasks.versioning.history import committed_digests

    return released_here(model, version) | committed_digests(model, version)


def channels(model: str | None = None, *, store: Store = None, json: Json = False) -> None:
    """List the channels of a model and where they point to.

    Parameters
    ----------
    model
        The model's name; by default the one of params.yaml.
    """
    from flows.cli.summary import odd_records, print_rows, tell_odd
    from tasks.deployment.records import Pointer
    from tasks.deployment.registry import find_channels
    from tasks.deployment.stores.opening import open_store

    settings = deployment(store, model)
    found = find_channels(open_store(settings.store), settings.model)
    moves = found.records.items()
    if json:
        listed = [{"channel": name, **move.model_dump(mode="json")} for name, move in moves]
        print_json([*listed, *odd_records(found.odd, "channel", Pointer)])
    else:
        print_rows(f"Channels of {settings.model}", list(channel_rows(moves)))
        tell_odd(found.odd)


def audit(model: str | None = None, *, channel: Channel = None, store: Store = None, json: Json = False) -> None:
    """List every move of a channel, the newest first: who, when, why, from which release to which.

    Of staging it also lists who has approved or rejected what waited there.

    Parameters
    ----------
    model
        The model's name; by default the one of params.yaml.
    """
    from flows.cli.summary import print_rows
    from tasks.deployment.records import Pointer, Review
    from tasks.deployment.releases.channels import trail
    from tasks.deployment.reviews.stored import reviews
    from tasks.deployment.stores.opening import open_store

    settings = deployment(store, model)
    target, opened = settings.target(channel), open_store(settings.store)
    answers = {review.generation: review for review in reviews(opened, settings.model, target)}
    lines: list[Pointer | Review] = []
    for move in trail(opened, settings.model, target):
        lines += [answers[move.generation], move] if move.generation in answers else [move]
    if json:
        print_json([line.model_dump(mode="json") for line in lines])
    else:
        print_rows(f"Moves of {target} of {settings.model}", [_row(line) for line in lines])


def deployment(store: str | None, model: str | None, replaces: str | None = None) -> "Deployment":
    """Return what was named, filled up from params.yaml; with store and model named the file may be absent.

    Args:
        store: its URL, or None.
        model: its name, or None.
        replaces: the release that may be replaced, or None.

    Raises:
        ConfigError: a name is none, or params.yaml is needed and missing or wrong.
    """
    from tasks.config import PARAMS, check_name, load_params, parse_deployment

    if model is not None:
        check_name("a model", model)
    given = {"store": store, "model": model, "replaces": replaces}
    named = {key: value for key, value in given.items() if value is not None}
    if store and model and not PARAMS.exists():
        return parse_deployment(named)
    return parse_deployment({**load_params().deployment.model_dump(), **named})


def open_registry(settings: "Deployment", trusted_keys: TrustedKeys, allow_unsigned: bool) -> "Registry":
    """Open the store, with whom the command is told to trust.

    Args:
        settings: with the store's address.
        trusted_keys: public keys, or folders of them.
        allow_unsigned: whether any release is taken.

    Returns:
        the store with the model's channels and those who are trusted.
    """
    from tasks.deployment.releases.promotion import registry_of

    return registry_of(settings, resolve_trust(trusted_keys, allow_unsigned))


def _show(registry: "Registry", channel: str, move: "Pointer", json: bool) -> None:
    if json:
        print_json({"model": registry.model, "channel": channel, **move.model_dump(mode="json")})
    else:
        before = f", before it was {move.previous}" if move.previous else ""
        tell(f"{registry.model} {move.version} is {channel}{before} (generation {move.generation})")


def tell_of_move(registry: "Registry", channel: str, move: "Pointer") -> None:
    """Tell those whom the project in this folder tells of moves, if there is one and it tells anybody.

    Args:
        registry: of the channel.
        channel: its name.
        move: that was made.
    """
    from tasks.config import PARAMS, load_notify

    try:
        _, asked = load_notify(PARAMS)
    except ConfigError as error:
        say("notify", str(error))
        return
    if asked.targets:
        environment.prepare()
        from flows.line.announcing import announce_move

        announce_move(registry, channel, move)


def channel_rows(moves: Iterable[tuple[str, "Pointer"]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each channel; a reason that channels share is said once.

    Args:
        moves: the last one of each channel, by name.
    """
    before: dict[str, str] = {}
    for name, move in moves:
        first = before.setdefault(move.reason, name)
        yield {"Channel": name, **_row(move), **({} if first == name else {"Why": f"as for {first}"})}


def _row(line: "Pointer | Review") -> dict[str, Any]:
    from tasks.deployment.records import Pointer

    return _row_of_move(line) if isinstance(line, Pointer) else _row_of_review(line)


def _row_of_review(review: "Review") -> dict[str, Any]:
    return {
        "Generation": str(review.generation),
        "Release": str(review.version),
        "Before": "",
        "Move": review.decision,
        "When": review.at,
        "Who": f"{review.by} ({review.origin})",
        "Why": review.reason,
    }


def _row_of_move(move: "Pointer") -> dict[str, Any]:
    return {
        "Generation": str(move.generation),
        "Release": str(move.version),
        "Before": str(move.previous or ""),
        "Move": move.kind if move.replaces is None else f"{move.kind}, other task",
        "When": move.moved_at,
        "Who": move.moved_by,
        "Why": move.reason,
    }
