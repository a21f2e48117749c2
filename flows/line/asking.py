"""The artifact about what waits for a person: the commands that answer, and the page with the form."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.utilities.urls import url_for

from tasks.text import markdown_code, markdown_sentence


def show_question(sentence: str, commands: Sequence[str], deployment: str) -> None:
    """Put what waits for a person on the run's page, and how it is answered.

    Args:
        sentence: what waits, and why.
        commands: that answer.
        deployment: whose form answers, too.
    """
    text = question_markdown(sentence, commands, deployment, form_page(deployment))
    create_markdown_artifact(markdown=text, key="approval", description="It waits for a person")


def question_markdown(sentence: str, commands: Sequence[str], deployment: str, page: str | None) -> str:
    """Return what is asked, the commands, and the form's page where the server has one.

    Args:
        sentence: what is asked.
        commands: that answer.
        deployment: whose form answers, too.
        page: of the form; None where the server has none.
    """
    lines = "\n".join(f"- {markdown_code(command)}" for command in commands)
    path = f"*Deployments*, `{deployment}`, *Run*, *Custom run*"
    form = f"[the form]({page}) ({path})" if page else f"the form on the pages of `slimline up`: {path}"
    return f"{markdown_sentence(sentence)}\n\nThese commands answer, or {form}.\n\n{lines}\n"


def form_page(deployment: str) -> str | None:
    """Return the address of a deployment's form; None where this server does not have the deployment.

    Args:
        deployment: its name.
    """
    named = DeploymentFilter(name=DeploymentFilterName(any_=[deployment]))
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=named)
    page = url_for("deployment", obj_id=found[0].id) if found else None
    return f"{page}/run" if page else None
