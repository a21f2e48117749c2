"""``slimline config``: every setting of params.yaml."""

from typing import Annotated

from cyclopts import Parameter

from flows.terminal import print_json
from tasks.errors import ConfigError


def config(
    *,
    schema: Annotated[
        bool, Parameter(name=("--schema", "--json"), negative="", help="Print a JSON schema, for editors.")
    ] = False,
) -> None:
    """Print every setting of params.yaml: its key, what it may be, what it is by default and what it means.

    The workload's own settings are those of the params.yaml in this folder, or of images where there is none.
    """
    from flows.cli.summary import print_rows
    from tasks.compression.schema import params_schema, reference, table

    found = params_schema(_workload())
    if schema:
        print_json(found)
    else:
        print_rows("Settings of params.yaml", [dict(row) for row in table(reference(found))])


def _workload() -> str:
    """Return the workload of this folder's params.yaml, whatever else is wrong in it; images where it names none."""
    from ruamel.yaml.error import YAMLError

    from tasks.config import DEFAULT_WORKLOAD, PARAMS
    from tasks.versioning.params_file import read_values
    from tasks.workloads import find_workload

    if not PARAMS.exists():
        return DEFAULT_WORKLOAD
    try:
        named = read_values()["data"]["workload"]
        find_workload(named)
    except (ConfigError, KeyError, TypeError, OSError, ValueError, YAMLError):
        return DEFAULT_WORKLOAD
    return str(named)
