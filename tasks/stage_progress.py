"""The share of a stage's work that is done, read from the lines that it prints.

``teacher 1/2``, ``member 1/3``, ``step 2/4``, ``round 1/3``, ``epoch 7/50``: each counts within the ones before it. The
line about an epoch comes when it has ended, the others when they begin.
"""

import re

LEVELS = ("teacher", "member", "step", "round", "epoch")
ENDED = {"epoch"}
FORM = re.compile(rf"({'|'.join(LEVELS)}) (\d{{1,6}})/(\d{{1,6}})(?![\d/])")


class StageProgress:
    """The share of the work that is done, from 0 to 1; it never falls."""

    def __init__(self) -> None:
        self.share = 0.0
        self._counts: dict[str, tuple[int, int]] = {}

    def read(self, line: str) -> bool:
        """Take a line in; tell whether it says how far the stage is.

        Args:
            line: that the stage has printed.
        """
        found = FORM.match(line)
        if found is None:
            return False
        level, count, of = found[1], int(found[2]), int(found[3])
        if not 1 <= count <= of:
            return False
        for inner in LEVELS[LEVELS.index(level) :]:
            self._counts.pop(inner, None)
        self._counts[level] = count, of
        self.share = max(self.share, self._now())
        return True

    def _now(self) -> float:
        share, width = 0.0, 1.0
        for level in LEVELS:
            if level in self._counts:
                count, of = self._counts[level]
                share += width * (count if level in ENDED else count - 1) / of
                width /= of
        return share
