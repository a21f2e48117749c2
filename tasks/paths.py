"""Paths of files in folders, archives and stores, written one way."""

import os
import unicodedata
from pathlib import Path

LITTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


def clean(path: str) -> str:
    """Return a path as slimline writes it: ``/`` between folders, nothing empty, composed Unicode, valid UTF-8.

    Args:
        path: of a file system or an archive.
    """
    if path.isascii() and not path.startswith(("/", ".")) and "//" not in path and "/." not in path:
        return path.rstrip("/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    name = "/".join(parts).encode("utf-8", "backslashreplace").decode()
    return unicodedata.normalize("NFC", name)


def local(location: str) -> str:
    """Return where a file or folder really lies: relative to the project if it is inside, else absolute.

    ``photos``, ``photos/``, ``./photos``, the absolute path and a link to the folder give the same.

    Args:
        location: a path, as a person has written it.
    """
    path, here = os.path.realpath(Path(location).expanduser()), os.path.realpath(Path.cwd())
    return Path(path).relative_to(here).as_posix() if Path(path).is_relative_to(here) else path


def danger(path: str) -> str | None:
    """Return why a path out of an archive may lead out of it, or None.

    Args:
        path: as the archive has it.
    """
    if path.startswith(("/", "\\")) or path[1:3] in (":\\", ":/"):
        return "an absolute path: archives must hold relative ones"
    if ".." in path.replace("\\", "/").split("/"):
        return "a path with '..': archives must not lead out of themselves"
    return None


def is_litter(path: str) -> bool:
    """Return whether a path is hidden or left behind by an operating system: never meant as a sample.

    Args:
        path: as :func:`clean` gives it.
    """
    return any(part.startswith(".") or part in LITTER for part in path.split("/"))
