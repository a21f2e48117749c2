"""Models of another kind that a network for a ranking is measured beside: iALS and EASE.

Both are made of the training split alone, in closed form, and rank what a sample does not know by what it knows. They
are strong: S. Rendle, L. Zhang and Y. Koren, On the Difficulty of Evaluating Baselines, arXiv:1905.01395.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.files import sha256, whole_file
from tasks.samples import PREPARED, read_batches, read_dataset

KEPT = Path(".slimline/references")
CODE = 1  # other figures come with another one
FACTORS, ROUNDS, SEED = 32, 12, 0
UNSEEN = 0.1  # weight of what a user does not have
RIDGES = (0.003, 0.01, 0.03)  # weights of the regularization, of which validation chooses
EASE_RIDGE = 250.0
MOST_ITEMS = 3000  # of EASE, whose matrix has a number for each pair of items
BATCH = 256
CHOSEN_ON = 16  # batches of validation, by which iALS is regularized
NAMES = ("iALS", "EASE")
Rows = Sequence[NDArray[np.int64]]


class References(NamedTuple):
    """Reference models, learned of the training split.

    ``items``: of iALS, ``[items, factors]``; ``ridge``: its regularization; ``pairs``: of EASE, ``[items, items]``,
    empty where there are too many items.
    """

    items: NDArray[np.float32]
    ridge: float
    pairs: NDArray[np.float32]

    def scores(self, known: Rows) -> Iterator[Array]:
        """Yield the scores of all items, ``[n, items]``, by iALS and then by EASE; fewer where there is no EASE.

        Args:
            known: the items of n samples, from 0.
        """
        factors = self.items.astype(np.float64)
        yield folded_in(known, factors, self.ridge) @ factors.T
        if self.pairs.size:
            yield np.stack([self.pairs[rows].sum(axis=0, dtype=np.float64) for rows in known])


def known_of(targets: Array, items: int) -> list[NDArray[np.int64]]:
    """Return the items that samples know, from 0.

    Args:
        targets: ``[n, room]``, see :mod:`.targets`.
        items: how many there are.
    """
    return [-target[(target < 0) & (target >= -items)].astype(np.int64) - 1 for target in targets]


def references(folder: Path = PREPARED) -> References:
    """Return the references for prepared data; they are kept for later calls and processes.

    Args:
        folder: of the prepared data.

    Raises:
        DataError: the data are missing or damaged.
    """
    return _references(folder.resolve(), sha256(folder / "dataset.json"))


@lru_cache(maxsize=2)
def _references(folder: Path, description: str) -> References:
    made_of = repr((CODE, description, FACTORS, ROUNDS, SEED, UNSEEN, RIDGES, EASE_RIDGE, MOST_ITEMS))
    path = KEPT / f"{hashlib.sha256(made_of.encode()).hexdigest()[:32]}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as file:
            return References(file["items"], float(file["ridge"]), file["pairs"])
    made = fit_references(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        np.savez(temporary, items=made.items, ridge=made.ridge, pairs=made.pairs)
    return made


def fit_references(folder: Path) -> References:
    """Make the references of the training split; validation chooses how much iALS is regularized.

    Args:
        folder: of the prepared data.

    Returns:
        the references; EASE is left out where there are too many items.
    """
    from tasks.workloads.outcomes.ranking.ranks import figures_of

    items = int(read_dataset(folder).target.high)
    users = [
        target[(target > 0) & (target <= items)].astype(np.int64) - 1
        for _, targets in read_batches("train", BATCH, folder)
        for target in targets
    ]
    validation = [targets for _, targets in islice(read_batches("validation", BATCH, folder), CHOSEN_ON)]
    tried = []
    for ridge in RIDGES:
        factors = ials(users, items, ridge)
        reached = 0.0
        for targets in validation:  # all scores of all samples would be too much
            scores = folded_in(known_of(targets, items), factors, ridge) @ factors.T
            reached += float(figures_of(scores, targets)[:, 0].sum())
        tried.append((-reached, ridge, factors))
    _, ridge, factors = min(tried, key=lambda found: found[:2])
    pairs = ease(users, items) if items <= MOST_ITEMS else np.zeros((0, 0))
    return References(factors.astype(np.float32), ridge, pairs.astype(np.float32))


def ials(users: Rows, items: int, ridge: float, factors: int = FACTORS) -> NDArray[np.float64]:
    """Return the factors of items by implicit alternating least squares, ``[items, factors]``.

    Y. Hu, Y. Koren and C. Volinsky, ICDM 2008, 263-272, in the form of S. Rendle et al., Revisiting the Performance of
    iALS on Item Recommendation Benchmarks, arXiv:2110.14037, where regularization grows with how often one is there.

    Args:
        users: the items of each, from 0.
        items: how many there are.
        ridge: weight of the regularization.
        factors: of an item.
    """
    rng = np.random.default_rng(SEED)
    made = rng.standard_normal((items, factors)) * 0.1 / np.sqrt(factors)
    owners = _owners(users, items)
    for _ in range(ROUNDS):
        made = _solved(owners, _solved(users, made, ridge), ridge)
    return np.asarray(made)


def _owners(users: Rows, items: int) -> list[NDArray[np.int64]]:
    """Return the users of each item."""
    numbers = np.repeat(np.arange(len(users)), [len(rows) for rows in users])
    flat = np.concatenate(users) if len(users) else np.zeros(0, np.int64)
    order = np.argsort(flat, kind="stable")
    bounds = np.searchsorted(flat[order], np.arange(1, items))
    return np.split(numbers[order], bounds)


def folded_in(known: Rows, items: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Return the factors of users who are known by their items alone, ``[n, factors]``.

    Args:
        known: the items of each, from 0.
        items: their factors, ``[items, factors]``.
        ridge: weight of the regularization.
    """
    return _solved(known, items, ridge)


def _solved(lists: Rows, others: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Return the factors that fit best to those of the other side, ``[lists, factors]``."""
    count, factors = others.shape
    gram, identity = UNSEEN * others.T @ others, np.eye(factors)
    made = np.zeros((len(lists), factors))
    for place, rows in enumerate(lists):
        if len(rows):
            own = others[rows]
            made[place] = np.linalg.solve(
                gram + own.T @ own + ridge * (len(rows) + UNSEEN * count) * identity, own.sum(axis=0)
            )
    return made


def ease(users: Rows, items: int, ridge: float = EASE_RIDGE) -> NDArray[np.float64]:
    """Return the weights of items for items, zero on the diagonal (H. Steck, EASE, arXiv:1905.03375).

    Args:
        users: the items of each, from 0.
        items: how many there are.
        ridge: weight of the regularization.
    """
    gram = np.zeros((items, items))
    for rows in users:
        gram[np.ix_(rows, rows)] += 1
    inverse = np.linalg.inv(gram + ridge * np.eye(items))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)
