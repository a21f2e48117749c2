"""The slimline that made a release, as its manifest names it."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from tasks.code.records import FOLDER, CodeRecord
from tasks.deployment.records import Manifest, Tool
from tasks.errors import ConfigError, DataError
from tasks.files import to_json
from tasks.records import read_record

OWN = "tasks/"  # paths of slimline's own modules in the records of code


def this_tool(root: Path = Path()) -> Tool:
    """Return the version that is installed, and a digest of the code that the project's stages have run.

    The digest is of slimline's own modules, comments left out; a user's modules lie in the project's commit.

    Args:
        root: the project's folder.
    """
    modules: dict[str, str] = {}
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            record = read_record(path, CodeRecord)
        except DataError:  # of another version
            return Tool(version=version("slimline"), code=None)
        modules |= {name: digest for name, digest in record.modules.items() if name.startswith(OWN)}
    code = hashlib.sha256(to_json(modules).encode()).hexdigest() if modules else None
    return Tool(version=version("slimline"), code=code)


def expect_tool(manifest: Manifest, carried: bool, root: Path = Path()) -> list[str]:
    """Refuse to make a release again with another version than the one that made it.

    Args:
        manifest: of the release.
        carried: whether the project's commit has slimline's code itself, which then runs.
        root: the project's folder.

    Returns:
        what is to be said about it.

    Raises:
        ConfigError: the version is another one.
    """
    made, here = manifest.tool, this_tool(root)
    if carried or made is None:
        return []
    if made.version != here.version:
        raise ConfigError(
            f"Expected slimline {made.version}, which made release {manifest.version} of {manifest.model}. Received: "
            f"slimline {here.version}. Install it with `pip install 'slimline[line]=={made.version}'`, best into an "
            f"environment of its own, and run the command there."
        )
    if None not in (made.code, here.code) and made.code != here.code:
        return [f"slimline's code: it is not that of the release, though both call themselves {here.version}."]
    return []
