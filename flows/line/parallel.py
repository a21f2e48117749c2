"""As many stages at once as params.yaml says, wherever a run begins: in a terminal, or in a worker's process."""

from typing import Any, Self

from prefect.task_runners import ThreadPoolTaskRunner

from tasks.config import load_params
from tasks.errors import ConfigError


class StageRunner(ThreadPoolTaskRunner[Any]):
    """The task runner of flows that run stages; a flow begins with a copy of it, which has its number of threads."""

    def duplicate(self) -> Self:
        """Return a runner with as many threads as ``flow.parallel`` of the working folder's params.yaml."""
        try:
            return type(self)(max_workers=load_params().flow.parallel)
        except ConfigError:  # the flow reads the file, too, and says what is wrong
            return type(self)(max_workers=1)


STAGE_RUNNER: Any = StageRunner()  # Prefect's flows are typed as if its runners did not fit them
