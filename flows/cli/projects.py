"""``slimline new``: a project of one's own."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.terminal import tell
from tasks.errors import ConfigError


def new(
    folder: Path = Path(),
    *,
    model: str | None = None,
    workload: str | None = None,
    update: Annotated[bool, Parameter(name="--update", help="Renew the stages of the project that is there.")] = False,
) -> None:
    """Begin a project in a folder: params.yaml, dvc.yaml, prefect.yaml, an example of a network, git and DVC.

    Nothing of slimline is copied. After an upgrade, --update renews dvc.yaml and shows the difference.

    Parameters
    ----------
    folder
        A new folder, or one with your data in it.
    model
        The name under which it releases; asked for on a terminal, else by default the folder's name.
    workload
        The kind of samples, as image, or package.module:Class of your own.
    """
    from tasks.versioning.project import create, name_for
    from tasks.versioning.project import update as renew

    if update:
        for line in renew(folder).splitlines() or ["dvc.yaml is as this version has it."]:
            tell(line)
        return
    suggested = name_for(folder)
    if model is None and sys.stdin.isatty():
        model = input(f"Name of the model{f' [{suggested}]' if suggested else ''}: ").strip() or suggested
    if (name := model or suggested) is None:
        raise ConfigError(
            f"Expected a name for the model: small letters, digits, '_', '.' and '-'. Received: none, and "
            f"{folder.absolute().name!r}, the folder's, is not one. Give --model NAME."
        )
    made = create(folder, name, *filter(None, [workload]))
    tell(f"{folder} releases {name}: {', '.join(map(str, made.files))}")
    for note in made.notes:
        tell(note)
    built_in = f" && slimline run, which takes the built-in {made.built_in}, or with --set data.source=YOUR_DATA"
    tell(f"Next: cd {folder}{built_in if made.built_in else ' && slimline data'}")
