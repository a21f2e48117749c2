"""Make sure that a project's stage graph knows of the settings of its workload."""

from pathlib import Path

from tasks.config import Data
from tasks.errors import ConfigError
from tasks.workloads import find_workload

GRAPH = Path("dvc.yaml")


def expect_tracked(data: Data, graph: Path = GRAPH) -> None:
    """Refuse to prepare data whose settings the stage ``load`` does not depend on: a change would be passed over.

    Args:
        data: the part of params.yaml.
        graph: the file of the stages.

    Raises:
        ConfigError: the graph does not name ``data.<workload>`` among the params of ``load``.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not graph.exists():
        return  # nothing decides here what is stale
    key = f"data.{find_workload(data.workload).name}"
    try:
        params = list(map(str, YAML(typ="safe").load(graph.read_text(encoding="utf-8"))["stages"]["load"]["params"]))
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"Expected {graph} to have a stage load with params. Received: {error}.") from None
    if not {key, "data"} & set(params):
        raise ConfigError(
            f"Expected {graph} to name {key} among the params of the stage load, or a change of it would be passed "
            f"over. Received: {', '.join(params)}. Put {key} there in place of the other workload's."
        )
