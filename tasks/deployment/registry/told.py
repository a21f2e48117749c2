"""Claims of what people are told about a model's releases: of several clones of a project one tells of an event.

::

    models/<model>/told/<event>.json    the folder that has told of it, or is about to

A claim names its folder, so that the same one goes on after it was killed.
"""

from tasks.deployment.registry.encoding import encode
from tasks.deployment.stores.protocol import Store
from tasks.errors import Conflict
from tasks.records import Record


class Told(Record):
    """The folder that tells of an event, by the name that it has made for itself."""

    owner: str


def claim_event(store: Store, model: str, event: str, owner: str) -> bool:
    """Claim an event for a folder.

    Args:
        store: of the releases.
        model: the model's name.
        event: its id, which is the same whoever sees the event.
        owner: the folder's name.

    Returns:
        whether the folder is the one that tells of it.

    Raises:
        StoreError: the store cannot be read or written.
    """
    try:
        store.put_if_absent(f"models/{model}/told/{event}.json", encode(Told(owner=owner)))
    except Conflict:
        return False
    return True
