"""``slimline config``: every setting of params.yaml."""

from typing import Annotated

from cyclopts import Parameter

from flows.terminal import print_json


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
    from tasks.config import DEFAULT_WORKLOAD, PARAMS, load_params

    found = params_schema(load_params().data.workload if PARAMS.exists() else DEFAULT_WORKLOAD)
    if schema:
        print_json(found)
    else:
        print_rows("Settings of params.yaml", [dict(row) for row in table(reference(found))])
