"""What cases of one network have in common, done once in a process; and whether a step changes what it is given.

A recipe begins with copies of the network, and reads what a step gave from its file. Of a deep network that takes as
long as many a technique, and for each case it is the same work.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tasks.compression import runner
from tasks.compression.step_store import Finished, StepStore
from tasks.compression.technique import Context, Subject
from tasks.learning.saving import weights_digest

Begun = tuple[Subject, Any, Context]


class Given:
    """The networks that steps are given, which stay as they are, and the store that recipes keep steps in."""

    store: type[StepStore] = StepStore

    def __init__(self) -> None:
        self._beginnings: dict[int, tuple[Any, Begun]] = {}
        self._digests: dict[int, tuple[Any, str]] = {}

    def begun(self, begin: Callable[[Any, Context], Begun]) -> Callable[[Any, Context], Begun]:
        """Return how a recipe begins, done once for each baseline."""

        def once(baseline: Any, context: Context) -> Begun:
            if id(baseline) not in self._beginnings:
                self._beginnings[id(baseline)] = baseline, begin(baseline, context)
            subject, rewrites, first = self._beginnings[id(baseline)][1]
            self.note(subject.network)
            return subject, rewrites, replace(context, baseline=first.baseline, recorded=first.recorded)

        return once

    def beginning(self, baseline: Any) -> Any:
        """Return the network that the first steps of the baseline's recipes took."""
        return self._beginnings[id(baseline)][1][0].network

    def note(self, network: Any) -> None:
        """Note the weights of a network; those that it had when it was given first."""
        self._digests.setdefault(id(network), (network, weights_digest(network)))

    def changed(self) -> bool:
        """Return whether a network is not as it was given, and forget those that are read from files."""
        changed = any(weights_digest(network) != digest for network, digest in self._digests.values())
        kept = {id(begun[0].network) for _, begun in self._beginnings.values()}
        self._digests = {key: value for key, value in self._digests.items() if key in kept}
        return changed


def share(given: Given) -> None:
    """Let all recipes of this process share what they begin with, and read no file of a step twice in a row.

    Args:
        given: gets the networks that steps take.
    """

    class Noting(StepStore):
        """A store that notes the networks that were read, and reads none again that is the last one."""

        last: tuple[str, Finished] | None = None

        def read(self, digest: str) -> Finished:
            if Noting.last is None or Noting.last[0] != digest:
                Noting.last = digest, super().read(digest)
            if Noting.last[1].subject.form == "keras":
                given.note(Noting.last[1].subject.network)
            return Noting.last[1]

    running: Any = runner
    running._begin, running.StepStore = given.begun(runner._begin), Noting
    given.store = Noting
