"""The history across runs: a run's own line in the store, and the page that shows all of them."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact

from flows.line.concluding import RunResult
from flows.line.keys import artifact_key
from flows.line.markdown import markdown_picture, markdown_table
from flows.line.telling import tell
from tasks.causes import Cause
from tasks.config import Params
from tasks.deployment.registry import Odd
from tasks.deployment.releases.promotion import Registry
from tasks.errors import SlimlineError
from tasks.evaluation.results import Results
from tasks.history.joining import read_history
from tasks.history.keeping import note_run, record_of
from tasks.history.pictures import history_svg
from tasks.history.records import Past
from tasks.history.tables import history_table
from tasks.text import markdown, markdown_code


def keep_history(params: Params, registry: Registry, results: Results, result: RunResult, cause: Cause) -> None:
    """Note what a finished run came to, and show it among the others.

    Where the store does not take it, that is said: the next run notes it, as it comes to the same.

    Args:
        params: of the project.
        registry: the project's, open.
        results: of the run.
        result: how it ended.
        cause: why it was started.
    """
    model = params.deployment.model
    try:
        if record := record_of(results, result.ending, cause, result.release):
            note_run(registry.store, model, record)
        lines, odd = read_history(registry.store, model)
    except SlimlineError as error:
        tell("history", str(error))
        return
    if lines:
        create_markdown_artifact(
            markdown=history_markdown(model, lines, odd),
            key=artifact_key(f"history-{model}"),
            description=markdown(f"What the runs of {model} came to"),
        )


def history_markdown(model: str, lines: Sequence[Past], odd: Sequence[Odd]) -> str:
    """Return the history as a picture and a table, the newest line first.

    Args:
        model: the model's name.
        lines: of the history, in any order.
        odd: what lies among the records and is not understood.
    """
    title = f"The history of {model}"
    more = f"More of it, and as JSON: {markdown_code(f'slimline history {model}')}."
    strange = "\n".join(f"- {markdown(f'Not understood: {each}')}" for each in odd)
    parts = [markdown_picture(title, history_svg(lines)), markdown_table(history_table(lines)), strange, more]
    return "\n\n".join(part for part in parts if part) + "\n"
