"""The ``slimline`` command. Heavy libraries are imported where they are used, so that `--help` answers at once."""

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter

from flows import environment
from flows.cli.approval import approve, reject
from flows.cli.config import config
from flows.cli.data import data
from flows.cli.devices import fetch, locate, predict, verify
from flows.cli.drift import drift
from flows.cli.history import history
from flows.cli.keys import keys
from flows.cli.ledger import ledger
from flows.cli.maintenance import pin, reproduce, retention, serve, unpin
from flows.cli.notify import notify
from flows.cli.options import Changes, Json
from flows.cli.projects import new
from flows.cli.release import audit, channels, promote, rollback, sign
from flows.cli.service import status, up
from flows.cli.store import store
from flows.terminal import print_json, say, tell, tell_error
from tasks.errors import ConfigError, Usage

if TYPE_CHECKING:
    from tasks.config import Params

HELD_BACK = 3  # exit code: the gate did not pass
AWAITING_APPROVAL = 5  # exit code: a release waits in staging for a person
WRONG = 2  # exit code: the configuration is wrong


def shown_default(value: object) -> str | None:
    """Return the default of an option as its help has it; None where nothing is given.

    Args:
        value: of the option.
    """
    return None if value in (None, (), False) else str(value)


app = App(
    name="slimline",
    help="Retrain a model, make it small and fast, prove that it is as good, and release it.",
    version=lambda: version("slimline"),
    version_flags=["--version"],
    default_parameter=Parameter(negative="", show_default=shown_default),
)
for of_a_device in (fetch, verify, predict):
    app.command(of_a_device)
for at_the_beginning in (new, data, drift, config):
    app.command(at_the_beginning)
for answer in (approve, reject):
    app.command(answer)
for command in (promote, rollback, channels, audit, ledger, sign, keys, retention, pin, unpin, reproduce, serve, store):
    app.command(command)
app.command(up, name=("up", "ui"))
app.command(status)
app.command(history)
app.command(notify)


@app.command
def run(
    *,
    set_: Changes = (),
    only: Annotated[
        tuple[str, ...] | None,
        Parameter(
            name="--only",
            negative="",
            consume_multiple=True,
            help="Make these recipes and judge them on the validation split; nothing is chosen, decided or released.",
        ),
    ] = None,
    quick: Annotated[
        bool, Parameter(name="--quick", help="A smoke run of minutes: few samples and epochs, in .slimline/quick.")
    ] = False,
) -> int:
    """Retrain, compress, prove and release what params.yaml says.

    Exit codes: 0 released or nothing to do, 3 the gate did not pass, 5 a release waits for a person's approval, 2 the
    configuration is wrong, 1 anything else.
    """
    from flows.cli.trial import check_recipes
    from tasks.compression.recipe import parse_recipes
    from tasks.config import Params, expect_own_name, load_params
    from tasks.versioning.params_file import expect_options, set_params

    if only is not None and not only:
        raise ConfigError("Expected names of recipes behind --only. Received: none. Name one, or leave --only out.")

    def check(params: Params, tell: Callable[[str], None] | None = None) -> None:
        parse_recipes(params.recipes, params.teachers, params.data.workload, tell)
        expect_own_name(params)
        check_recipes(params, only or ())

    def tell_renamed(sentence: str) -> None:
        say("params.yaml", sentence)

    if set_:
        set_params(set_, check=check)
    params = load_params(say=tell_renamed)
    check(params, tell_renamed)
    expect_options(params.data.workload)
    from flows.line.interrupting import ended_by_signals
    from flows.line.workspace import exclusive_run

    with ended_by_signals(), exclusive_run():  # before anything is started that a second run would start, too
        return _smoke(only or tuple(params.recipes)) if quick else _serve_and_run(params, only or ())


def _serve_and_run(params: "Params", only: Sequence[str]) -> int:
    environment.prepare()
    say("slimline", "starting Prefect")
    from flows.line.stages import StageFailed
    from flows.service.run_server import server_at_hand

    try:
        with server_at_hand():
            return _try(only) if only else _retrain(params)
    except StageFailed as error:
        tell_error(f"{error}\nRun `slimline run` again: it goes on with what is not done.")
        return WRONG if error.code == WRONG else 1


def _retrain(params: "Params") -> int:
    from flows.cli.summary import print_result
    from flows.line.retrain import retrain

    result = retrain(params)
    print_result(params, result)
    return {"Held back": HELD_BACK, "AwaitingApproval": AWAITING_APPROVAL}.get(result.ending, 0)


def _smoke(names: Sequence[str]) -> int:
    from flows.cli.trial import print_trial
    from flows.line.quick import quick_run
    from tasks.versioning.params_file import read_values

    print_trial(names, quick_run(read_values(), names, say))
    return 0


def _try(names: Sequence[str]) -> int:
    from flows.cli.trial import print_trial
    from flows.line.trying import try_recipes

    try_recipes(names)
    print_trial(names)
    return 0


@app.command
def stale(*, json: Json = False) -> None:
    """Say which stages the next run has to do again, and why; nothing is run or changed."""
    from flows.line.staleness import survey, told
    from flows.terminal import print_json
    from tasks.config import load_params
    from tasks.deployment.releases.promotion import registry_of

    params = load_params()
    found = survey(params, registry_of(params.deployment))
    if json:
        print_json({name: list(reasons) for name, reasons in found.reasons().items()})
        return
    for names, why in told(found):
        tell(f"{names}: {why}")
    if not found.stale:
        tell("Nothing is stale.")


@app.command
def report(*, json: Json = False) -> None:
    """Show the results of the last run and where its report is."""
    from flows.cli.summary import print_results, results_record
    from tasks.config import load_params
    from tasks.evaluation.results import load_results

    results = load_results(load_params())
    if json:
        print_json(results_record(results))
    else:
        print_results(results)


@app.command
def releases(model: str | None = None, *, store: str | None = None, json: Json = False) -> None:
    """List the releases of a model and the channels that point to them.

    Parameters
    ----------
    model
        The model's name; by default the one of params.yaml.
    store
        The store's URL; by default the one of params.yaml.
    """
    from flows.cli.summary import odd_records, print_releases, tell_odd
    from tasks.deployment.records import Release
    from tasks.deployment.registry import find_releases
    from tasks.deployment.stores.opening import open_store

    url, name, _ = locate(store, model, None)
    rows, odd = find_releases(open_store(url), name)
    if json:
        print_json([*(row.model_dump(mode="json") for row in rows), *odd_records(odd, "object", Release)])
    else:
        print_releases(name, rows)
        tell_odd(odd)


def run_app() -> object:
    """Carry out what the command line asks for.

    Returns:
        the command's exit code, if it has one.

    Raises:
        Usage: there is no such command, or it takes other arguments.
    """
    try:
        return app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise Usage(f"{error} See `slimline --help`.") from None
