"""A source that the line itself writes into would change with every run, and so begin the next one: it is refused."""

import os
from collections.abc import Iterable
from pathlib import Path

from tasks.config import BUILT_IN, Params
from tasks.errors import ConfigError

OWN = ("data/code", "data/prepared", "data/source.json", "models", "reports", "dvc.lock", ".git", ".dvc", ".slimline")


def expect_apart(params: Params, remotes: Iterable[str] = ()) -> None:
    """Refuse a source that holds what the line writes: results, records and commits, releases, DVC's remote.

    Args:
        params: all of params.yaml.
        remotes: addresses of DVC's remotes.

    Raises:
        ConfigError: it does, or it lies in what the line writes.
    """
    source = params.data.source
    if source in BUILT_IN:
        return
    written = [*map(str, map(Path.absolute, map(Path, OWN))), params.deployment.store, *remotes]
    for place in written:
        if _overlap(_place(source), _place(place)):
            raise ConfigError(
                f"Expected data.source to hold nothing that slimline writes, or each run would change it and so begin "
                f"the next one. Received: {source}, and slimline writes to {place}. Put the samples into a folder or "
                f"below a prefix of their own."
            )


def _place(location: str) -> tuple[str, ...]:
    """Return the parts of an address or a path, from its root."""
    scheme, separator, rest = location.partition("://")
    if separator and scheme != "file":
        return (scheme, *(part for part in rest.split("/") if part))
    path = os.path.realpath(Path(rest if separator else location).expanduser())
    return ("file", *Path(path).parts)


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
