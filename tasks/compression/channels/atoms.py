"""Channels that cannot go one without the other: a union-find."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.intp]


class Atoms:
    """Atoms are numbered from 0; tied ones are one channel, fixed ones have to stay."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._why: dict[int, str] = {}

    def new(self, count: int, fixed: str = "") -> Ids:
        """Return fresh atoms, none of them tied.

        Args:
            count: of atoms.
            fixed: why they have to stay; empty where they may go.
        """
        ids = np.arange(len(self._parent), len(self._parent) + count)
        self._parent.extend(ids.tolist())
        if fixed:
            self.fix(ids, fixed)
        return ids

    def root(self, atom: int) -> int:
        """Return the one that stands for all that an atom is tied to.

        Args:
            atom: its number.
        """
        while self._parent[atom] != atom:
            self._parent[atom] = self._parent[self._parent[atom]]
            atom = self._parent[atom]
        return atom

    def tie(self, first: Ids, second: Ids) -> None:
        """Tie atoms pairwise; what holds one of a pair holds both.

        Args:
            first: numbers of atoms, ``[n]``.
            second: of as many others.
        """
        for one, other in zip(first.tolist(), second.tolist(), strict=True):
            low, high = sorted((self.root(one), self.root(other)))
            self._parent[high] = low
            if high in self._why and low != high:
                self._why.setdefault(low, self._why.pop(high))

    def fix(self, atoms: Iterable[int], why: str) -> None:
        """Note that atoms have to stay; the first reason counts.

        Args:
            atoms: their numbers.
            why: the reason.
        """
        for atom in atoms:
            self._why.setdefault(self.root(int(atom)), why)

    def why(self, atom: int) -> str:
        """Return why an atom has to stay; empty where it may go.

        Args:
            atom: its number.
        """
        return self._why.get(self.root(atom), "")

    def __len__(self) -> int:
        return len(self._parent)
