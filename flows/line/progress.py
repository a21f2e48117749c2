"""The progress of a long stage on the run's page: an artifact that is brought up to date now and then.

It says in percent how far the stage is, and its last line about it. A stage of a few seconds has none, and the server
is asked once in some seconds at most, however fast the lines come. What the server does not take is not missed: the
lines are in the log.
"""

import time
from collections.abc import Callable
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException

from flows.line.keys import alike
from tasks.stage_progress import StageProgress
from tasks.text import markdown

EVERY = 5.0  # seconds: before the artifact is made, and between two updates
FORGIVEN = (httpx.HTTPError, PrefectException, OSError)


class StagePage:
    """The progress artifact of a stage; call it from the stage's task."""

    def __init__(self, stage: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage, self._clock = stage, clock
        self._progress = StageProgress()
        self._artifact: UUID | None = None
        self._shown_at = clock()

    def see(self, line: str) -> None:
        """Take a line of the stage in, and show how far it is if it is time to.

        Args:
            line: as the stage has printed it.
        """
        if self._progress.read(line) and self._clock() - self._shown_at >= EVERY:
            self._show(100 * self._progress.share, f"{self._stage}: {line}")

    def end(self, words: str) -> None:
        """Show that the stage has ended well, where it was shown at all.

        Args:
            words: what happened.
        """
        if self._artifact is not None:
            self._show(100.0, f"{self._stage}: {words}")

    def _show(self, percent: float, words: str) -> None:
        self._shown_at = self._clock()
        description = markdown(words)
        try:
            if self._artifact is None:
                key = alike(f"progress-{self._stage}")
                made = create_progress_artifact(percent, key=key, description=description)
                self._artifact = cast("UUID", made)  # no coroutine, as this is no async task
                return
            with get_client(sync_client=True) as client:
                client.update_artifact(self._artifact, ArtifactUpdate(data=percent, description=description))
        except FORGIVEN:
            return
