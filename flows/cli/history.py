"""``slimline history``: what the runs of a model came to, over time."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.options import Json
from flows.cli.release import Store, deployment

WIDE = {"Loaded", "Gate", "Worth", "Data", "Cause"}  # columns that a terminal has no room for; --json has them


def history(
    model: str | None = None,
    *,
    last: Annotated[
        int, Parameter(name="--last", validator=Number(gte=1, lte=10_000), help="So many lines, the newest.")
    ] = 50,
    store: Store = None,
    json: Json = False,
) -> None:
    """List what the runs of a model came to, the newest first: quality, bytes, latency, decisions left.

    It is read from the store: from the records of runs, from the releases and from the ledger. A run that came to the
    same as the one before it has no line.

    Parameters
    ----------
    model
        The model's name; by default the one of params.yaml.
    """
    from flows.cli.summary import odd_records, print_rows, tell_odd
    from flows.terminal import print_json
    from tasks.deployment.stores.opening import open_store
    from tasks.history.joining import read_history
    from tasks.history.records import Past
    from tasks.history.tables import history_table

    settings = deployment(store, model)
    lines, odd = read_history(open_store(settings.store), settings.model, last)
    if json:
        print_json([*(line.model_dump(mode="json") for line in lines), *odd_records(odd, "object", Past)])
        return
    rows = [{name: cell for name, cell in row.items() if name not in WIDE} for row in history_table(lines)]
    print_rows(f"History of {settings.model}", rows)
    tell_odd(odd)
