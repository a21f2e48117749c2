"""Some recipes tried by themselves: made and judged on the validation split, and nothing else.

The stages are those of a whole run, which takes over what was made here. No candidate is chosen, the sealed test split
is not looked at and nothing is released.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prefect import flow, tags
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.line.holding import holding_project
from flows.line.naming import named
from flows.line.parallel import STAGE_RUNNER
from flows.line.reaper import project_tag
from flows.line.retrain import run_stages
from flows.line.staleness import restore_outputs, survey
from flows.line.telling import tell
from tasks.config import load_params
from tasks.deployment.releases.promotion import registry_of
from tasks.versioning.stages import Stage, with_needs

BASELINE = "evaluate-baseline"


def try_recipes(names: Sequence[str]) -> None:
    """Bring the candidates of some recipes up to date, and what is known of their quality.

    Args:
        names: of the recipes.

    Raises:
        StageFailed: a stage ended with an error.
        SlimlineError: the source or DVC do not do what was asked.
    """
    with tags(project_tag()):
        state: State[Any] = try_flow(list(names), return_state=True)
    state.result()


@flow(
    name="try",
    flow_run_name=named(lambda given: f"try {', '.join(given['names'])}"),
    task_runner=STAGE_RUNNER,
    persist_result=False,
    validate_parameters=False,
)
def try_flow(names: list[str]) -> State[None]:
    """Make and judge the candidates of some recipes.

    Args:
        names: of the recipes.
    """
    with holding_project(str(flow_run.id)):
        params = load_params()
        for sentence in restore_outputs(params):
            tell("restore", sentence)
        found = survey(params, registry_of(params.deployment))
        run_stages(needed(found.stages, names), found.stale)
    return Completed(name="Tried", message=f"{', '.join(names)} were made and judged; nothing was decided.")


def needed(stages: Mapping[str, Stage], names: Iterable[str]) -> dict[str, Stage]:
    """Return the stages that judge these recipes' candidates, and all that those need, in their order.

    Args:
        stages: all of them, by name.
        names: of the recipes.
    """
    return with_needs(stages, [BASELINE, *(f"evaluate@{name}" for name in names)])
