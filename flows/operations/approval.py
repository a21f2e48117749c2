"""The answer to what waits, from Prefect's pages: a form about a release, and one about data.

A form takes any name, and a worker carries it out: who may open the pages may approve. See docs/how-to/approving.md for
a login in front, and for signatures of approvers, which no page can give.
"""

import socket
from datetime import UTC, datetime
from typing import Annotated, Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.line.announcing import announce_move
from flows.line.naming import named
from flows.line.waiting import announced
from flows.operations.rebuilding import parse_release
from tasks.config import load_params
from tasks.deployment.approvals.approving import Reviewed, approve, reject, review_sentence
from tasks.deployment.approvals.sweeping import sweep
from tasks.deployment.approvals.waiting import Terms
from tasks.deployment.records import MAX_BY, MAX_REASON
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.data_consents import DataConsent
from tasks.deployment.releases.promotion import registry_of
from tasks.text import visible
from tasks.watching.memory import LEAST_DIGITS, answer

Release = Annotated[str, Field(min_length=3, max_length=80)]
Digest = Annotated[str, Field(min_length=LEAST_DIGITS, max_length=64)]
Decision = Literal["approve", "reject"]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


@flow(name="release.approve", flow_run_name="{decision} {release}", persist_result=False)
def approve_flow(release: Release, decision: Decision, name: Name, reason: Reason) -> State[Reviewed]:
    """Approve or reject a release that waits in staging.

    It must still be in staging, be what staging names, and not have waited for longer than it may.

    Args:
        release: MODEL@VERSION, as digits@3, that waits in staging.
        decision: approve: the project's channel points to it from then on; reject: it goes no further.
        name: Your name, for the audit trail. It is what you type, and proves nothing.
        reason: Why, for the audit trail.
    """
    model, version = parse_release(release.strip())
    settings = load_params().deployment.model_copy(update={"model": model})
    terms = Terms(Why(reason, name), _origin()[:MAX_BY], settings.approval_days)
    registry = registry_of(settings)
    made = (approve if decision == "approve" else reject)(registry, version, terms, datetime.now(UTC))
    if made.has_moved and made.move:
        announce_move(registry, settings.channel, made.move)
    line = visible(review_sentence(registry, version, made))
    get_run_logger().info(line)
    return Completed(name="Approved" if decision == "approve" else "Rejected", message=line, data=made)


@flow(
    name="data.approve",
    flow_run_name=named(lambda given: f"{given['decision']} data {given['digest']}"),
    persist_result=False,
)
def approve_data_flow(digest: Digest, decision: Decision, name: Name, reason: Reason) -> State[DataConsent]:
    """Approve or reject data that waits for a person, before anything is trained on it.

    Args:
        digest: Digest of the data, as the run, the watch and `slimline status` name it: its first eight digits or more.
        decision: approve: the next look of the watch begins a run on it; reject: no run begins until it changes again.
        name: Your name, for the record. It is what you type, and proves nothing.
        reason: Why, for the record.
    """
    settings = load_params().deployment
    why = Why(reason, f"{name} ({_origin()})"[:MAX_BY])
    made = answer(registry_of(settings), digest.strip(), "approved" if decision == "approve" else "refused", why)
    line = visible(made.describe(settings.model))
    get_run_logger().info(line)
    return Completed(name="Approved" if decision == "approve" else "Rejected", message=line, data=made)


def _origin() -> str:
    return f"a form, run {flow_run.id} on {socket.gethostname()}"


def sweep_approvals() -> list[str]:
    """Finish what was approved and reject what has waited for too long, in the project of the working folder.

    It needs no server and no run: whoever keeps the line up calls it now and then. To do it again does no harm.

    Returns:
        a sentence for each thing that was done.

    Raises:
        SlimlineError: see :func:`tasks.deployment.approvals.sweeping.sweep`.
    """
    settings = load_params().deployment
    registry = registry_of(settings)
    return announced(sweep(settings, registry=registry), registry)
