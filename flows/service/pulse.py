"""Signs of life of runs, as one process sees them: no clock of another machine counts."""

from collections.abc import Callable, Hashable, Mapping


class Pulse:
    """Tells which runs have given no new sign of life for long.

    A sign is anything that is another one when the run lives on, such as the number of its last heartbeat. Time counts
    from when this process saw a sign first, and anew after :meth:`forget`: who could not look does not know.

    Args:
        seconds: without a new sign, after which a run counts as dead.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self.seconds, self._now = seconds, now
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def silent(self, signs: Mapping[Hashable, Hashable]) -> list[Hashable]:
        """Take in the last sign of each run there is.

        Args:
            signs: of life, by run.

        Returns:
            the runs that have been silent for too long.
        """
        now = self._now()
        before = self._seen
        self._seen = {
            run: before[run] if run in before and before[run][0] == sign else (sign, now) for run, sign in signs.items()
        }
        return [run for run, (_, since) in self._seen.items() if now - since >= self.seconds]

    def forget(self) -> None:
        """Begin anew: for some time nobody looked."""
        self._seen = {}
