"""Files of DVC that it writes in place, put right after it was killed in the middle."""

import json
from pathlib import Path
from typing import Any

import psutil

from tasks.config import LOCK

TEMPORARY = Path(".dvc/tmp")
HOLDERS = TEMPORARY / "rwlock"  # who reads and who writes which path


def mend(root: Path = Path()) -> list[str]:
    """Let go what dead processes hold, and lay a half-written dvc.lock aside; call it while nothing of DVC runs here.

    DVC itself takes another process with the number of a dead one for the holder. Without its dvc.lock it restores each
    stage from its run cache.

    Args:
        root: the project.

    Returns:
        a sentence for each file that was not whole.
    """
    told = []
    if (root / HOLDERS).exists() and not _release(root / HOLDERS):
        told.append(f"{HOLDERS} was half-written by a run that was killed; it is made anew.")
    if (root / LOCK).exists() and not _is_whole(root / LOCK):
        aside = root / TEMPORARY / "dvc.lock.damaged"
        (root / LOCK).replace(aside)
        told.append(
            f"{LOCK} was half-written by a run that was killed; it lies in {aside.relative_to(root)}. "
            f"What was made is taken from DVC's run cache."
        )
    return told


def _release(holders: Path) -> bool:
    """Keep the entries of processes that live; return whether the file was whole."""
    try:
        held = json.loads(holders.read_text(encoding="utf-8"))
        read = {path: [each for each in infos if _lives(each)] for path, infos in held.get("read", {}).items()}
        write = {path: info for path, info in held.get("write", {}).items() if _lives(info)}
    except (ValueError, TypeError, AttributeError, KeyError):
        holders.unlink()
        return False
    read = {path: infos for path, infos in read.items() if infos}
    if read or write:
        holders.write_text(json.dumps({"read": read, "write": write}), encoding="utf-8")
    else:
        holders.unlink()
    return True


def _lives(holder: dict[str, Any]) -> bool:
    """Return whether the process is there, and the one that took the lock: numbers are given out again."""
    try:
        command = psutil.Process(int(holder["pid"])).cmdline()
    except psutil.Error:
        return False
    words, now = str(holder["cmd"]).split()[1:], " ".join(command).split()  # DVC joins a command's words by spaces
    return now[len(now) - len(words) :] == words


def _is_whole(lock: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(lock.read_text(encoding="utf-8")))
    except (YAMLError, Invalid, UnicodeDecodeError):
        return False
    return True
