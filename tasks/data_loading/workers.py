"""Processes that share the work of loading, and end with the one that started them."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from types import TracebackType
from typing import Any, TypeVar

from tasks.errors import DataError

T = TypeVar("T")
R = TypeVar("R")
PATIENCE = 1.0  # seconds between two looks at the processes


class Workers:
    """Processes that are started when there is something to do for them.

    Args:
        count: of processes; all processors by default.
        modules: that each needs, imported once and not in every process.
    """

    def __init__(self, count: int | None = None, modules: Iterable[str] = ()) -> None:
        self.count = count or os.cpu_count() or 1
        self._modules = [__name__, *modules]
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def in_order(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield what a function gives for each item, in their order, with a bounded number of them under way.

        Args:
            function: that can be pickled, as what it takes and gives can.
            items: taken one by one.

        Raises:
            DataError: a process was killed.
        """
        if self._pool is None:
            context = get_context("forkserver")
            context.set_forkserver_preload(self._modules)
            self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_follow_parent)
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(self._pool.submit(function, item))
                if len(waiting) > 2 * self.count:
                    yield self._result(waiting.popleft())
            while waiting:
                yield self._result(waiting.popleft())
        except BrokenProcessPool:
            raise DataError(
                "Expected to load all samples. Received: a process that loads was killed, most likely for want of "
                "memory. Free some, or look for a huge sample in the source, and run again."
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def _result(self, future: Future[R]) -> R:
        """Return what a process gives.

        One that is killed within what it writes leaves a part of it in the pipe, and the pool would wait for the rest
        for ever: it does so as long as anybody could still write. Then all are ended, the pool's own end included.
        """
        found = False  # that one is dead, a while ago
        while True:
            try:
                return future.result(PATIENCE)
            except TimeoutError:
                if future.done():
                    raise  # the work's own error
            pool: Any = self._pool
            processes = list((pool._processes or {}).values())
            if found:
                for process in processes:
                    process.kill()
                pool._result_queue._writer.close()
            found = not all(process.is_alive() for process in processes)


def _follow_parent() -> None:
    """End with the parent, however it ends; interrupts are the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
