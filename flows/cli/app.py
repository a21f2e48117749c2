"""The ``slimline`` command. Heavy libraries are imported where they are used, so that `--help` answers at once."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from flows import environment
from flows.cli.keys import keys
from flows.cli.ledger import ledger
from flows.cli.maintenance import pin, reproduce, retention, serve, unpin
from flows.cli.options import Json
from flows.cli.release import audit, channels, promote, rollback, sign
from flows.cli.store import store
from flows.cli.trust_options import AllowUnsigned, TrustedKeys, whom_to_trust
from flows.failure import StageFailed
from flows.terminal import print_json, say, tell, tell_error
from tasks.errors import UNAVAILABLE, ConfigError, SlimlineError
from tasks.text import show_what_cannot_be_encoded

HELD_BACK = 3  # exit code: the gate did not pass
WRONG_CONFIGURATION = ConfigError.exit_code

app = App(
    name="slimline",
    help="Retrain a model, make it small and fast, prove that it is as good, and release it.",
    version_flags=["--version"],
)
for command in (promote, rollback, channels, audit, ledger, sign, keys, retention, pin, unpin, reproduce, serve, store):
    app.command(command)


@app.command
def run(
    *,
    set_: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set",
            negative="",
            help="KEY=VALUE in params.yaml, changed in place, or ~KEY, removed; may be repeated.",
        ),
    ] = (),
) -> int:
    """Retrain, compress, prove and release what params.yaml says.

    Exit codes: 0 released or nothing to do, 3 the gate did not pass, 2 the configuration is wrong, 1 anything else.
    """
    from tasks.compression.recipe import parse_recipes
    from tasks.config import Params, expect_own_name, load_params
    from tasks.versioning.params_file import set_params

    def check(params: Params, tell: Callable[[str], None] | None = None) -> None:
        parse_recipes(params.recipes, params.teachers, tell)
        expect_own_name(params)

    def tell_renamed(sentence: str) -> None:
        say("params.yaml", sentence)

    if set_:
        set_params(set_, check=check)
    params = load_params(say=tell_renamed)
    check(params, tell_renamed)
    environment.prepare()
    os.environ[environment.WORKSPACE] = str(Path.cwd())  # Prefect's own server, if it starts one, inherits it
    say("slimline", "starting Prefect")
    from flows.cli.summary import print_outcome
    from flows.line.retrain import retrain

    outcome = retrain(params)
    print_outcome(params, outcome)
    return HELD_BACK if outcome.ending == "Held back" else 0


@app.command
def stale(*, json: Json = False) -> None:
    """Say which stages the next run has to do again, and why; nothing is run or changed."""
    from flows.line.staleness import survey, told
    from flows.terminal import print_json
    from tasks.config import load_params

    found = survey(load_params())
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

    url, name, _ = _deployment(store, model, None)
    rows, odd = find_releases(open_store(url), name)
    if json:
        print_json([*(row.model_dump(mode="json") for row in rows), *odd_records(odd, "object", Release)])
    else:
        print_releases(name, rows)
        tell_odd(odd)


@app.command
def fetch(
    model: str,
    *,
    to: Path,
    channel: str | None = None,
    store: str | None = None,
    keep: int = 1,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> None:
    """Fetch the release that a channel points at, verify it and put it in place atomically.

    Parameters
    ----------
    model
        The model's name.
    to
        The folder that keeps the releases; its `current` is the one in use.
    channel
        The channel; by default the one of params.yaml.
    store
        The store's URL, an https:// address included; by default the one of params.yaml.
    keep
        How many releases that were in use before stay beside the one in use.
    """
    from tasks.deployment.device.client import fetch as fetch_release

    url, name, pointer = _deployment(store, model, channel)
    fetched = fetch_release(url, name, pointer, to, whom_to_trust(trusted_keys, allow_unsigned), keep)
    if json:
        print_json({"model": name, "version": fetched.version, "changed": fetched.changed, "path": str(fetched.path)})
    else:
        tell(f"{name} {fetched.version} {'is now' if fetched.changed else 'was already'} in {fetched.path}")


@app.command
def predict(
    *files: Path,
    model: Path,
    trusted_keys: TrustedKeys = (),
    allow_unsigned: AllowUnsigned = False,
    json: Json = False,
) -> None:
    """Classify images with a fetched model.

    Parameters
    ----------
    files
        Image files.
    model
        The folder that `slimline fetch` filled.
    """
    from tasks.deployment.device.prediction import predict as classify

    trust = whom_to_trust(trusted_keys, allow_unsigned)
    for prediction in (predictions := classify(model, files, trust)):
        if not json:
            tell(prediction.file, prediction.label, f"{prediction.score:.4f}")
    if json:
        print_json([prediction.model_dump(mode="json") for prediction in predictions])


@app.command
def ui(*, port: int = 4200) -> int:
    """Serve the operator's pages on this machine until it is stopped."""
    import subprocess

    environment.prepare()
    address = f"http://127.0.0.1:{port}"
    os.environ.setdefault("PREFECT_SERVER_UI_API_URL", f"{address}/api")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.run(command, check=False).returncode


def _deployment(store: str | None, model: str | None, channel: str | None) -> tuple[str, str, str]:
    """What was named, filled up from params.yaml where something was not: a device needs no params.yaml.

    Raises:
        ConfigError: a name is none, or params.yaml is needed and missing or wrong.
    """
    from tasks.config import PARAMS, check_name, load_params

    if model is not None:
        check_name("a model", model)
    if channel is not None:
        check_name("a channel", channel)
    if store is None or model is None or (channel is None and PARAMS.exists()):
        deployment = load_params().deployment
        store = deployment.store if store is None else store
        model = deployment.model if model is None else model
        channel = deployment.channel if channel is None else channel
    return store, model, "production" if channel is None else channel


def main() -> None:
    """Run the command line and exit with its code."""
    show_what_cannot_be_encoded()
    try:
        code = app(exit_on_error=False, print_error=False)
    except CycloptsError as error:
        tell_error(f"{error} See `slimline --help`.")
        raise SystemExit(2) from None
    except SlimlineError as error:
        tell_error(error)
        raise SystemExit(1 if error.exit_code == UNAVAILABLE else error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader, as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except StageFailed as error:
        tell_error(f"{error}\nRun `slimline run` again: it goes on with what is not done.")
        raise SystemExit(WRONG_CONFIGURATION if error.code == WRONG_CONFIGURATION else 1) from None
    raise SystemExit(code if isinstance(code, int) else 0)
