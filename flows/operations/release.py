"""Operations on a release, from Prefect's pages: promote it, or roll a channel back, with a reason."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.line.announcing import announce_move
from flows.line.naming import named
from tasks.config import check_version, load_params, parse_deployment
from tasks.deployment.records import MAX_BY, Pointer
from tasks.deployment.releases import promotion
from tasks.deployment.releases.channels import Why, actor
from tasks.text import visible


@flow(
    name="release.promote",
    flow_run_name=named(lambda given: f"promote {given.get('version') or 'what is in staging'}"),
    persist_result=False,
)
def promote_flow(
    reason: str, version: int | None = None, channel: str | None = None, replaces: str | None = None
) -> State[Pointer]:
    """Point a channel to a release, after it was fetched back and has given its recorded answers.

    Args:
        reason: for the audit trail.
        version: the release; by default the one in staging.
        channel: by default the one of params.yaml.
        replaces: the release of another task in the channel that may be replaced, once; by default as in params.yaml.
    """
    settings = load_params().deployment
    if version is not None:
        check_version(version)
    if replaces:
        settings = parse_deployment({**settings.model_dump(), "replaces": replaces})
    target = settings.target(channel)
    registry = promotion.registry_of(settings)
    return _moved(registry, target, promotion.promote(registry, version, target, _why(reason)))


@flow(
    name="release.rollback",
    flow_run_name=named(lambda given: f"roll back to {given.get('to') or 'the release before'}"),
    persist_result=False,
)
def rollback_flow(reason: str, to: int | None = None, channel: str | None = None) -> State[Pointer]:
    """Point a channel to the release that it pointed to before, as a new move.

    Args:
        reason: for the audit trail.
        to: a release that the channel has pointed to; by default the one before.
        channel: by default the one of params.yaml.
    """
    settings = load_params().deployment
    target = settings.target(channel)
    if to is not None:
        check_version(to)
    registry = promotion.registry_of(settings)
    return _moved(registry, target, promotion.rollback(registry, target, _why(reason), to))


def _why(reason: str) -> Why:
    """The reason, and the run that a person started; a long name of it is cut."""
    return Why(reason, f"{actor()}, run {flow_run.name}"[:MAX_BY])


def _moved(registry: promotion.Registry, channel: str, move: Pointer) -> State[Pointer]:
    before = f"release {move.previous}" if move.previous else "none"
    line = visible(f"{registry.model} {move.version} is {channel}, before it was {before}: {move.reason}")
    get_run_logger().info(line)
    announce_move(registry, channel, move)
    return Completed(name="Rolled back" if move.kind == "rollback" else "Promoted", message=line, data=move)
