"""Wait until a source has been quiet: what is still being uploaded is no batch yet."""

from collections.abc import Callable

from tasks.watching.records import SourceState

MOST_LOOKS = 10  # of one call; what goes on for longer is left to the next one


def wait_until_quiet(
    first: SourceState, look: Callable[[], SourceState], wait: Callable[[float], object], quiet: float
) -> SourceState | None:
    """Return the state in which a source has stayed for the time asked, None if it went on changing.

    Args:
        first: the state it is in.
        look: gives the state it is in now.
        wait: lets so many seconds go by.
        quiet: seconds.

    Raises:
        SourceError: the source is missing, empty or unreachable.
    """
    state = first
    for _ in range(MOST_LOOKS):
        if not quiet:
            return state
        wait(quiet)
        now = look()
        if now.listing == state.listing:
            return now
        state = now
    return None
