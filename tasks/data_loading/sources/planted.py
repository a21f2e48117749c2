"""Made-up ratings whose best reachable ranking is known, without a download."""

import hashlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tasks.data_loading.sources.protocol import See, SourceListing
from tasks.samples import SplitName
from tasks.workloads.items import Item, Rows, TakeFile

VERSION = 2  # other numbers come with another one
SEED = 20170803
USERS, ITEMS, FACTORS, TASTES = 3000, 150, 3, 6
FEWEST, MOST = 15, 40  # items of a user
TASTE, POPULARITY = 3.0, 1.0  # how much factors and popularity count
MEAN, SPREAD, NOISE = 3.5, 0.8, 0.5  # of ratings: the planted part and what nobody can predict
PIECE = 512  # rows at a time
START = 1_700_000_000  # seconds, of the first row


class Planted:
    """Ratings of users who choose one item after the other by planted factors.

    A user ``u`` chooses item ``i`` of those that are left with a probability in proportion to
    ``exp(a · p_u·q_i + b_i)``: the model of Plackett and Luce (R. L. Plackett, Applied Statistics 24 (1975), 193-202).
    Tastes ``p_u`` are shared by many users. What was chosen is then brought into a random order, so that any item of a
    user may be the last. No ranking of the items that are left can be expected to do better than the one by these
    scores, see :func:`scores`. How an item is rated follows the same scores, with noise on them: no prediction can be
    expected to have an RMSE below that of :func:`expected_ratings`, 0.5.
    """

    kind = "planted"

    def listing(self, see: See | None = None) -> SourceListing:  # noqa: ARG002 - it never changes
        """Digest of what the numbers are made of."""
        made_of = repr((VERSION, SEED, USERS, ITEMS, FACTORS, FEWEST, MOST, TASTES, TASTE, POPULARITY))
        digest = hashlib.sha256(made_of.encode()).hexdigest()
        return SourceListing(kind=self.kind, location=self.kind, digest=digest, files=1)

    def items(self, take: TakeFile) -> Iterator[Item]:  # noqa: ARG002 - it has no files
        """Yield the rows, user by user: user, item, rating, and a time."""
        rows: list[tuple[str, str, str, str]] = []
        noise = np.random.default_rng(SEED + 2).normal(0, NOISE, (USERS, MOST))
        expected = expected_ratings()
        for user, chosen in enumerate(choices()):
            ratings = expected[user, chosen] + noise[user, : len(chosen)]
            rows += [
                (f"u{user}", f"i{item}", f"{rating:.2f}", str(START + 60 * place + user))
                for place, (item, rating) in enumerate(zip(chosen.tolist(), ratings.tolist(), strict=True))
            ]
        split: SplitName | None = None
        for start in range(0, len(rows), PIECE):
            piece = rows[start : start + PIECE]
            yield Rows("planted", range(start + 1, start + len(piece) + 1), piece, split)


@cache
def scores() -> NDArray[np.float64]:
    """Return the scores by which users choose, ``[users, items]``."""
    rng = np.random.default_rng(SEED)
    tastes, items = (rng.standard_normal((count, FACTORS)) for count in (TASTES, ITEMS))
    users = tastes[rng.integers(0, TASTES, USERS)]
    popularity = POPULARITY * rng.standard_normal(ITEMS)
    return np.asarray(TASTE * users @ items.T / np.sqrt(FACTORS) + popularity)


def expected_ratings() -> NDArray[np.float64]:
    """Return what users rate items with in the mean, ``[users, items]``."""
    found = scores()
    return np.asarray(MEAN + SPREAD * (found - found.mean()) / found.std())


def choices() -> list[NDArray[np.int64]]:
    """Return the items that each user chooses, in the order of the rows.

    Gumbel noise on the scores makes the order one of Plackett and Luce's model (J. I. Yellott, Journal of Mathematical
    Psychology 15 (1977), 109-144).
    """
    rng = np.random.default_rng(SEED + 1)
    noisy = scores() + rng.gumbel(size=(USERS, ITEMS))
    counts = rng.integers(FEWEST, MOST + 1, USERS)
    order = np.argsort(-noisy, axis=1, kind="stable")
    return [rng.permutation(found[:count]) for found, count in zip(order, counts, strict=True)]
