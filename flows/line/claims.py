"""Claims of messages on Prefect's server: of several folders that share a server one tells of an event.

A claim is a variable on the server, which is made once. Its value names the folder that made it, so that the same one
may go on after it was killed.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate
from prefect.exceptions import ObjectAlreadyExists, PrefectException
from prefect.settings import get_current_settings

from tasks.errors import TakenLater
from tasks.notifying.outbox import Outbox
from tasks.notifying.sending import Claim

TAG = "slimline-notify"  # of the variables
KEPT = timedelta(days=2)  # longer than anybody looks back at events, see ended_runs


@contextmanager
def claims(outbox: Outbox) -> Iterator[Claim]:
    """Yield what claims an event for this folder; without a server nobody else could tell of it.

    Args:
        outbox: of the folder.

    Raises:
        TakenLater: by the claim, if the server does not answer.
    """
    if not get_current_settings().api.url:
        yield lambda _: True
        return
    gate = threading.Lock()
    with get_client(sync_client=True) as client:

        def claim(event: str) -> bool:
            try:
                with gate:
                    return claim_once(client, event, outbox.owner())
            except (httpx.HTTPError, PrefectException, RuntimeError) as error:
                raise TakenLater(f"Expected Prefect's server to say who tells of it. Received: {error}.") from None

        yield claim


def claim_once(client: SyncPrefectClient, event: str, owner: str) -> bool:
    """Claim an event.

    Args:
        client: of the server.
        event: its id.
        owner: this folder's id.

    Returns:
        whether the event is this owner's.
    """
    name = f"slimline_told_{event}"
    try:
        client.create_variable(VariableCreate(name=name, value=owner, tags=[TAG]))
    except ObjectAlreadyExists:
        found = client.read_variable_by_name(name)
        return found is not None and found.value == owner
    return True


def forget_claims(client: SyncPrefectClient) -> None:
    """Remove old claims: nobody looks back so far.

    Args:
        client: of the server.
    """
    before = datetime.now(UTC) - KEPT
    for variable in client.read_variables():
        if TAG in variable.tags and variable.created is not None and variable.created < before:
            client.delete_variable_by_name(variable.name)
