"""The commands of a device: ``fetch``, ``verify`` and ``predict``.

They run with the base install, which has no cyclopts: see :mod:`flows.cli.main`.
"""

from pathlib import Path

from flows.cli.trust import resolve_trust
from flows.terminal import print_json, tell, tell_error
from tasks.errors import ConfigError, DataError


def fetch(
    model: str,
    *,
    to: Path,
    channel: str | None = None,
    store: str | None = None,
    keep: int = 1,
    trusted_keys: tuple[Path, ...] = (),
    allow_unsigned: bool = False,
    json: bool = False,
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
    trusted_keys
        A public key or a folder of them; may be repeated. By default what SLIMLINE_TRUSTED_KEYS or params.yaml names.
    allow_unsigned
        Take a release whoever has signed it, or nobody.
    json
        Print JSON instead of a line.
    """
    from tasks.deployment.device.client import fetch as fetch_release

    url, name, pointer = locate(store, model, channel)
    fetched = fetch_release(url, name, pointer, to, resolve_trust(trusted_keys, allow_unsigned), keep)
    if json:
        print_json({"model": name, "version": fetched.version, "changed": fetched.changed, "path": str(fetched.path)})
    else:
        tell(f"{name} {fetched.version} {'is now' if fetched.changed else 'was already'} in {fetched.path}")


def verify(
    *, model: Path, trusted_keys: tuple[Path, ...] = (), allow_unsigned: bool = False, json: bool = False
) -> None:
    """Check a fetched release: its signature, and size and SHA-256 of each file.

    Parameters
    ----------
    model
        The folder that `slimline fetch` filled.
    trusted_keys
        A public key or a folder of them; may be repeated. By default what SLIMLINE_TRUSTED_KEYS or params.yaml names.
    allow_unsigned
        Take a release whoever has signed it, or nobody.
    json
        Print JSON instead of a line.
    """
    from tasks.deployment.device.client import release_folder
    from tasks.deployment.device.downloading import verify as check

    folder = release_folder(model)
    manifest = check(folder, resolve_trust(trusted_keys, allow_unsigned)).manifest
    if json:
        print_json({"model": manifest.model, "version": manifest.version, "path": str(folder)})
    else:
        tell(f"{manifest.model} {manifest.version} in {folder} is whole, and signed as it should be")


def predict(
    *questions: str,
    model: Path,
    history: tuple[str, ...] = (),
    top: int = 10,
    workload: str | None = None,
    trusted_keys: tuple[Path, ...] = (),
    allow_unsigned: bool = False,
    json: bool = False,
) -> None:
    """Ask a fetched model about images, texts or whatever it is for.

    Exit codes: 0 all were answered, 1 one could not be read; the others have their answers.

    Parameters
    ----------
    questions
        What the model's workload reads: a file of an image, a text, a history. What lies in a file is @FILE.
    model
        The folder that `slimline fetch` filled.
    history
        Ids of items with commas between them, from old to new, as 31,1029,7: a question to a model of ratings.
    top
        How many items are named, or tokens added to a text, where a model gives several: at most 100.
    workload
        The workload of your own that the model is for, as package.module:Class.
    trusted_keys
        A public key or a folder of them; may be repeated. By default what SLIMLINE_TRUSTED_KEYS or params.yaml names.
    allow_unsigned
        Take a release whoever has signed it, or nobody.
    json
        Print JSON instead of a line for each question.
    """
    from tasks.deployment.device.prediction import asker
    from tasks.quiet import without_notes
    from tasks.workloads.measuring import MOST_NAMED

    if not 1 <= top <= MOST_NAMED:
        raise ConfigError(f"--top: expected a number from 1 to {MOST_NAMED}. Received: {top}.")
    trust = resolve_trust(trusted_keys, allow_unsigned)
    predictions, unreadable = [], list[DataError]()
    with without_notes():
        answer = asker(model, trust, workload)
        for question in (*questions, *history):
            try:
                found = answer(Path(question[1:]) if question.startswith("@") else question)
                predictions.append(found.first(top))
            except DataError as error:
                unreadable.append(error)
    if json:
        print_json([prediction.model_dump(mode="json") for prediction in predictions])
    else:
        for prediction in predictions:
            tell(prediction.file, *prediction.words)
    for earlier in unreadable[:-1]:
        tell_error(earlier)
    if unreadable:
        raise unreadable[-1]


def locate(store: str | None, model: str | None, channel: str | None) -> tuple[str, str, str]:
    """Fill in what was not named from params.yaml: store, model and channel. A device needs no params.yaml.

    Args:
        store: its URL, or None.
        model: its name, or None.
        channel: its name, or None.

    Returns:
        the three of them.

    Raises:
        ConfigError: a name is none, or params.yaml is needed and missing or wrong.
        NotInstalled: params.yaml is needed, and nothing here reads it.
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
