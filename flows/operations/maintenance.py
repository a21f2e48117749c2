"""Operations on the releases there are, from Prefect's pages: clean up, and make one again."""

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.line.markdown import shown_rows
from flows.line.naming import named
from flows.operations.rebuilding import parse_release, reproduce_in
from tasks.config import load_params
from tasks.deployment.releases.reproduction import Reproduction
from tasks.deployment.releases.retention import tidy
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.trusted import project_trust
from tasks.text import markdown_sentence, visible


@flow(
    name="release.retention",
    flow_run_name=named(lambda given: "old releases looked at" if given.get("dry_run") else "old releases removed"),
    persist_result=False,
)
def retention_flow(dry_run: bool = False) -> State[int]:
    """Remove old releases and uploads that never ended, as params.yaml says.

    Args:
        dry_run: only show what would go.
    """
    settings = load_params().deployment
    tidied = tidy(open_store(settings.store), settings.model, settings.retention, dry_run)
    create_table_artifact(
        table=shown_rows(fate.model_dump(mode="json") for fate in tidied.fates),
        key="retention",
        description="What stays, what goes, why",
    )
    verb = "would go" if dry_run else "are gone"
    line = f"{tidied.gone} of {len(tidied.fates)} versions {verb}, {len(tidied.pieces)} pieces of uploads"
    get_run_logger().info(line)
    return Completed(message=line, data=tidied.gone)


@flow(
    name="release.reproduce", flow_run_name=named(lambda given: f"reproduce {given['release']}"), persist_result=False
)
def reproduce_flow(release: str) -> State[Reproduction]:
    """Make a release again from its commit, dvc.lock and data, and compare the model bit for bit.

    Args:
        release: MODEL@VERSION.
    """
    name, version = parse_release(release)
    settings, logger = load_params().deployment, get_run_logger()

    def say(topic: str, line: str) -> None:
        logger.info("%s: %s", topic, visible(line))

    made = reproduce_in(None, open_store(settings.store), name, version, project_trust(settings.trust), say)
    lines = "\n".join(f"- {markdown_sentence(line)}" for line in made.differences)
    text = f"{markdown_sentence(made.sentence)}\n\n{lines}"
    create_markdown_artifact(markdown=text, key="reproduction", description=f"{release}, made again")
    if made.identical:
        return Completed(name="The same", message=visible(made.sentence), data=made)
    return Failed(name="Differs", message=visible(made.sentence), data=made)
