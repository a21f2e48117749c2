"""Keys of releases and channels in a store."""


def releases_folder(model: str) -> str:
    """Return the key under which all releases of a model lie.

    Args:
        model: its name.
    """
    return f"models/{model}/releases"


def release_key(model: str, version: int, file: str) -> str:
    """Return where a release's file is.

    Args:
        model: its name.
        version: number of the release.
        file: its name.
    """
    return f"{releases_folder(model)}/{version}/{file}"


def channels_folder(model: str) -> str:
    """Return the key under which all channels of a model lie.

    Args:
        model: its name.
    """
    return f"models/{model}/channels"


def channel_key(model: str, channel: str) -> str:
    """Return where a channel's pointer is.

    Args:
        model: its name.
        channel: its name.
    """
    return f"{channels_folder(model)}/{channel}.json"


def data_key(model: str, name: str) -> str:
    """Return where a record about the data that a model is made of is.

    Args:
        model: its name.
        name: of the record, with folders.
    """
    return f"models/{model}/data/{name}.json"


def is_tombstone(name: str) -> bool:
    """Return whether a file says that its release is being removed, see :mod:`tasks.deployment.releases.leases`.

    Args:
        name: of the file, or its key.
    """
    return name.rpartition("/")[2].startswith("retired-")
