"""The columns of ratings by the names and in the forms that are usual."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.errors import SourceError
from tasks.workloads.ratings.settings import InteractionSettings
from tasks.workloads.tables.streams import kind_of

USUAL = {
    "user": ("user", "user_id", "userid", "uid", "user id", "session_id", "session", "visitorid", "customer_id"),
    "item": (
        "item", "item_id", "itemid", "iid", "item id", "movie_id", "movieid", "product_id", "track_id", "song_id",
        "book_id", "isbn", "asin", "parent_asin", "business_id", "artistid",
    ),
    "rating": ("rating", "ratings", "stars", "score", "overall", "weight", "book-rating"),
    "time": ("time", "timestamp", "date", "datetime", "unixreviewtime", "unix_timestamp", "created_at", "ts"),
}  # fmt: skip
TYPE = re.compile(r":(token|float|token_seq|float_seq)$")  # RecBole's .inter files name the type behind the column
MOVIELENS = ("user", "item", "rating", "time")  # of u.data and ratings.dat, which have no row of names


class Chosen(NamedTuple):
    """The names of columns as a file has them; None for one that there is not."""

    user: str
    item: str
    rating: str | None
    time: str | None


def choose(columns: Sequence[str], settings: InteractionSettings, path: str) -> Chosen:
    """Choose the columns of ratings among those of a file.

    Args:
        columns: that the file has.
        settings: ``data.ratings``.
        path: of the file, for messages.

    Returns:
        the names of the columns; None for a rating or a time that is not there and was not named.

    Raises:
        SourceError: one is missing, or several could be meant.
    """
    found: dict[str, str | None] = {}
    plain = {name: TYPE.sub("", name.strip()).lower() for name in columns}
    for role, usual in USUAL.items():
        wanted = getattr(settings, role)
        if wanted is None:
            found[role] = None
            continue
        known = [name for name in columns if name == wanted or TYPE.sub("", name) == wanted]
        if wanted == "auto" and not known:
            known = [name for name in columns if plain[name] in usual]
        needed = role in ("user", "item") or wanted != "auto" or (role == "rating" and settings.needs_rating)
        if len(known) > 1 or (needed and not known):
            raise SourceError(
                f"Expected {path} to have {'one' if known else 'a'} column of the {role}"
                f"{'' if wanted == 'auto' else f' called {wanted}'}. "
                f"Received: {', '.join(map(repr, (known or columns)[:50])) or 'no column'}. "
                f"Name it: data.ratings.{role}."
            )
        found[role] = known[0] if known else None
    return Chosen(**found)  # type: ignore[arg-type]


def has_names(path: str) -> bool:
    """Return whether the first row of a file names its columns: not in MovieLens's u.data and ratings.dat.

    Args:
        path: of the file.
    """
    return kind_of(path)[0] not in ("data", "dat")
