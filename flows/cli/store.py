"""``slimline store``: whether a store can be used, and how."""

from flows.cli.options import Json
from flows.terminal import print_json, tell


def store(url: str | None = None, *, json: Json = False) -> None:
    """Say whether a store can be reached and keeps conditions on writes; servers other than AWS are tried out.

    Where conditions are not kept, releases can be published but no channel moved.

    Parameters
    ----------
    url
        The store's URL; by default the one of params.yaml.
    """
    from tasks.config import load_params
    from tasks.deployment.stores.opening import open_store

    opened = open_store(url or load_params().deployment.store)
    found, left = opened.conditions, sum(1 for _ in opened.leftovers())
    if json:
        record = {"url": opened.url, "create": found.create, "swap": found.swap, "movable": found.keeps_swaps}
        print_json({**record, "unfinished": left})
    else:
        tell(f"{opened.url}: {found.sentence()}")
        tell(f"{left} uploads are under way or were left behind")
