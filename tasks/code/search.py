"""Find modules where a stage's process finds them, without importing anything.

A stage runs as ``python -P -m tasks.<package>`` in the project's folder: ``sys.path`` comes first, then this folder.
So a package of slimline is found in an editable install or among the installed libraries, a user's own in the project,
wherever its code really lies, and a ``tasks.py`` in the project takes nothing's place.
"""

import sys
import sysconfig
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal

Kind = Literal["code", "library", "standard"]
INSTALLED = frozenset({"site-packages", "dist-packages"})  # folders whose packages have versions
SUFFIXES = (*EXTENSION_SUFFIXES, ".py")  # in the order in which Python looks
OURS = frozenset({"slimline", "tasks"})  # a stage's own code counts as code even where it is installed
EDITABLE = "__editable__"  # how setuptools names the finders of packages that are installed in place


@dataclass(frozen=True)
class Found:
    """A module.

    ``file`` is None for a folder without ``__init__.py``, ``key`` its path below the folder in which Python looks for
    packages (``tasks/workloads/image/pixels.py``), and ``folders`` are where a package's own modules lie.
    """

    kind: Kind
    file: Path | None = None
    key: str = ""
    folders: tuple[Path, ...] = ()


class Search:
    """Finds modules for one project.

    Args:
        root: the project's folder, in which its stages run.
    """

    def __init__(self, root: Path) -> None:
        paths = [*(Path(entry) for entry in sys.path if entry), root.resolve()]
        self._folders = [(path, _kind(path)) for path in dict.fromkeys(paths) if path.is_dir()]
        self._known: dict[str, Found | None] = {}

    def find(self, name: str) -> Found | None:
        """Return a module; None where there is none. Libraries are found by their first part.

        Args:
            name: with dots.
        """
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Found | None:
        outer, _, last = name.rpartition(".")
        if not outer:
            return self._top(last)
        package = self.find(outer)
        if package is None or package.kind != "code":
            return package
        return _look(last, [(folder, "code") for folder in package.folders], f"{outer.replace('.', '/')}/")

    def _top(self, name: str) -> Found | None:
        if name in sys.builtin_module_names:
            return Found("standard")
        return _look(name, self._folders) or _edited(name)


def _kind(path: Path) -> Kind:
    if not INSTALLED.isdisjoint(path.parts):  # in the folder, or below it: setuptools adds one of its own to sys.path
        return "library"
    library = Path(sysconfig.get_path("stdlib"))
    return "standard" if path == library or library in path.parents else "code"


def _look(name: str, folders: list[tuple[Path, Kind]], above: str = "") -> Found | None:
    """The first package or module of that name, else all folders of that name together."""
    portions: list[Path] = []
    for entry, kind in folders:
        found = "code" if name in OURS and not above else kind
        folder = entry / name
        for suffix in SUFFIXES:
            if (file := folder / f"__init__{suffix}").is_file():
                return Found(found, file, f"{above}{name}/{file.name}", (folder,))
        for suffix in SUFFIXES:
            if (file := entry / f"{name}{suffix}").is_file():
                return Found(found, file, f"{above}{file.name}")
        if folder.is_dir():
            portions.append(folder)
    if not portions:
        return None
    kinds = {kind for entry, kind in folders if entry / name in portions}
    return Found("code" if "code" in kinds else min(kinds), folders=tuple(portions))


def _edited(name: str) -> Found | None:
    """A package that setuptools installed in place, behind a finder of its own."""
    for finder in sys.meta_path:
        if getattr(finder, "__module__", "").startswith(EDITABLE):
            spec = finder.find_spec(name, None, None)
            if spec is not None and spec.origin is not None:
                file = Path(spec.origin)
                folders = tuple(map(Path, spec.submodule_search_locations or ()))
                return Found("code", file, f"{name}/{file.name}" if folders else file.name, folders)
    return None
