"""Stores at whose n-th write something goes wrong."""

from collections.abc import Callable, Collection
from typing import Any

from tasks.deployment.stores.protocol import Store
from tests.tasks.deployment.killing import die

CONDITIONAL = frozenset({"put_if_absent", "compare_and_swap"})


class Interrupted:
    """A store that does something, by default to die, in place of its n-th write, or right after it.

    Args:
        store: what does the work.
        write: number of writes that go well before.
        verbs: what counts as a write.
        after: whether the write was done when it happens.
        happens: what.
    """

    def __init__(
        self,
        store: Store,
        write: int,
        verbs: Collection[str] = CONDITIONAL,
        after: bool = False,
        happens: Callable[[], object] = die,
    ) -> None:
        self.store, self.left, self.verbs, self.after, self.happens = store, write, verbs, after, happens

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.store, name)
        if name not in self.verbs:
            return verb

        def write(*arguments: Any) -> None:
            self.left -= 1
            if self.left == -1 and not self.after:
                self.happens()
            verb(*arguments)
            if self.left == -1:
                self.happens()

        return write
