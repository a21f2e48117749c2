"""The progress of a transfer, for a person who watches."""

import contextlib
import sys
from collections.abc import Iterator

from tasks.deployment.stores.protocol import PIECE, Progress


@contextlib.contextmanager
def bar(what: str, total: int) -> Iterator[Progress | None]:
    """Yield a bar on the terminal while the block lasts; None where nobody watches or it would only flash up.

    Args:
        what: is transferred.
        total: bytes.
    """
    if total <= PIECE or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda count: shown.advance(task, count)
