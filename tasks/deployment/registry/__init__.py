"""Releases and channels as they lie in a store.

::

    models/<model>/releases/<version>/claim.json      who has taken the number
    models/<model>/releases/<version>/<file>          immutable content
    models/<model>/releases/<version>/manifest.dsse.json   signed and written last: from now on the release exists
    models/<model>/releases/<version>/approvers.dsse.json  what approvers have signed about the manifest
    models/<model>/releases/<version>/retired-….json  it is being removed, or was: it does not exist any more
    models/<model>/channels/<channel>.json            which release the channel points to, see channels.py
    models/<model>/data/<name>.json                   what the last run trained on, and what people say of new data
    models/<model>/told/<event>.json                  which folder tells people of an event, see told.py

Whoever may write to a store may put anything there: an object of a newer slimline or of somebody else, a damaged one,
in a folder a link or a pipe. What is not understood is named and never passed over in silence: a list shows it beside
the others, and no removal begins while there is any, since it may speak for what would go.
"""

from tasks.deployment.registry.approvers import read_approvers, sign_as_approver, statement_about
from tasks.deployment.registry.encoding import SHOWN, as_readers_take_it, decode, digest_of, encode, now
from tasks.deployment.registry.keys import (
    channel_key,
    channels_folder,
    data_key,
    is_tombstone,
    release_key,
    releases_folder,
)
from tasks.deployment.registry.listing import (
    NUMBER,
    SUFFIX,
    Found,
    Odd,
    Seen,
    channels,
    claim,
    current,
    find,
    find_channels,
    find_releases,
    releases,
    see,
    summarize,
    versions,
)
from tasks.deployment.registry.manifests import Sealed, expect_about, open_manifest, read_manifest
from tasks.deployment.registry.told import claim_event

__all__ = [
    "NUMBER",
    "SHOWN",
    "SUFFIX",
    "Found",
    "Odd",
    "Sealed",
    "Seen",
    "as_readers_take_it",
    "channel_key",
    "channels",
    "channels_folder",
    "claim",
    "claim_event",
    "current",
    "data_key",
    "decode",
    "digest_of",
    "encode",
    "expect_about",
    "find",
    "find_channels",
    "find_releases",
    "is_tombstone",
    "now",
    "open_manifest",
    "read_approvers",
    "read_manifest",
    "release_key",
    "releases",
    "releases_folder",
    "see",
    "sign_as_approver",
    "statement_about",
    "summarize",
    "versions",
]
