"""All code that a module leads to: what it imports, what that imports, and so on.

A file that a module names by its path from the folder that holds its package, ``package/templates/page.html.j2``,
belongs to the code too, and so do those that a template names in turn.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tasks.code.imports import Import
from tasks.code.libraries import MISSING, decides, installed
from tasks.code.search import Found, Search
from tasks.code.source import Source, read_source, read_template
from tasks.errors import DataError
from tasks.records import Record, read_record, write_record

CACHE = Path(".slimline/code.json")
READERS = ("source.py", "imports.py")
Imported = tuple[tuple[int, str, tuple[str, ...]], ...]
Texts = tuple[str, ...]
Packed = tuple[str, Imported, Texts, Texts, tuple[tuple[str, str], ...], Texts]  # a Source in JSON


class Parsed(Record):
    """Files that were parsed before, by the SHA-256 of their bytes and their suffix.

    Another Python, or another reader, parses anew.
    """

    reader: str
    files: dict[str, Packed]


@dataclass
class Closure:
    """Code and libraries, as they are collected.

    ``modules``: digest by path, as ``tasks/workloads/image/pixels.py``. ``libraries``: version by name.
    """

    modules: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)


class Reader:
    """Reads code for one project; what was parsed before is not parsed again.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path = Path()) -> None:
        self._search = Search(root)
        self._cache = root / CACHE
        own = b"".join(Path(__file__).with_name(name).read_bytes() for name in READERS)
        self._reader = f"{sys.version_info[:2]} {hashlib.sha256(own).hexdigest()}"
        self._before = self._read_cache()
        self._sources: dict[Path, Source] = {}
        self._parsed: dict[str, Source] = {}

    def closure(self, names: Iterable[str]) -> Closure:
        """Return all code that modules lead to; a module that is not there is noted as such.

        Args:
            names: of the modules, with dots.
        """
        made, seen = Closure(), set[str]()
        waiting = list(names)
        for name in waiting:
            if self._search.find(name) is None:
                made.modules[name] = MISSING
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(self._visit(name, made))
        return Closure(dict(sorted(made.modules.items())), dict(sorted(made.libraries.items())))

    def keep(self) -> None:
        """Keep what was parsed for the next process, and nothing else."""
        if self._parsed.keys() - self._before.files.keys():
            files = {key: _packed(source) for key, source in self._parsed.items()}
            write_record(self._cache, Parsed(reader=self._reader, files=files))

    def _visit(self, name: str, made: Closure) -> Iterator[str]:
        """Note one module; gives the names of those that it imports and of the packages that hold it."""
        found = self._search.find(name)
        if found is None:  # an optional library, or an attribute of a package
            if "." not in name and name not in made.modules:
                made.libraries[name] = MISSING
            return
        if found.kind == "standard" or (found.kind == "library" and not decides(name)):
            return
        if found.kind == "library" and (library := installed(name)):
            made.libraries[library[0]] = library[1]
            return
        outer = name.rpartition(".")[0]
        if outer:
            yield outer
        if found.file is not None:
            source = self._source(found.file)
            made.modules[found.key] = source.digest
            self._note_files(name.partition(".")[0], source, made)
            yield from self._imported(name, found, source)

    def _note_files(self, package: str, source: Source, made: Closure) -> None:
        """Note the files of a module's own package that it names, and those that they name."""
        top = self._search.find(package)
        folders = top.folders if top is not None else ()
        waiting = list(source.files)
        while waiting:
            path = waiting.pop()
            outer, _, inner = path.partition("/")
            file = next((file for folder in folders if (file := folder / inner).is_file()), None)
            if outer == package and file is not None and path not in made.modules:
                named = self._source(file)
                made.modules[path] = named.digest
                waiting.extend(named.files)

    def _imported(self, name: str, found: Found, source: Source) -> Iterator[str]:
        package = name if found.folders else name.rpartition(".")[0]
        for each in source.imports:
            base = _absolute(each, package)
            if base:
                yield base
                names = {*each.names, *(self._exports(base) if "*" in each.names else ())}
                yield from (inner for part in sorted(names) if self._is_module(inner := f"{base}.{part}"))
                yield from self._lazily(base, each.names)
        for text in source.mentions:
            top = self._search.find(text.partition(".")[0])
            if top is not None and top.kind == "code" and self._is_module(text):
                yield text

    def _lazily(self, module: str, names: tuple[str, ...]) -> Iterator[str]:
        """Give the modules behind names that a module imports when they are first used; without names, all of them."""
        found = self._search.find(module)
        if found is not None and found.kind == "code" and found.file is not None:
            lazy = dict(self._source(found.file).lazy)
            yield from lazy.values() if not names or "*" in names else (lazy[name] for name in names if name in lazy)

    def _exports(self, module: str) -> tuple[str, ...]:
        """Return the names of a module's ``__all__``."""
        found = self._search.find(module)
        if found is None or found.kind != "code" or found.file is None:
            return ()
        return self._source(found.file).exports

    def _is_module(self, name: str) -> bool:
        found = self._search.find(name)
        return found is not None and (found.file is not None or bool(found.folders)) and found.kind != "standard"

    def _source(self, file: Path) -> Source:
        if file not in self._sources:
            try:
                content = file.read_bytes()
            except OSError:  # the stage itself says that it cannot read it
                content = b""
            key = f"{hashlib.sha256(content).hexdigest()}{file.suffix}"
            self._sources[file] = self._parsed[key] = self._parse(key, content, file.suffix)
        return self._sources[file]

    def _parse(self, key: str, content: bytes, suffix: str) -> Source:
        if key in self._before.files:
            digest, imports, mentions, files, lazy, exports = self._before.files[key]
            return Source(digest, tuple(Import(*each) for each in imports), mentions, files, lazy, exports)
        reads = {".py": read_source, ".j2": read_template}
        return reads[suffix](content) if suffix in reads else Source(hashlib.sha256(content).hexdigest())

    def _read_cache(self) -> Parsed:
        try:
            kept = read_record(self._cache, Parsed)
        except DataError:
            kept = Parsed(reader="", files={})
        return kept if kept.reader == self._reader else Parsed(reader=self._reader, files={})


def _packed(source: Source) -> Packed:
    imports = tuple((each.level, each.module, each.names) for each in source.imports)
    return source.digest, imports, source.mentions, source.files, source.lazy, source.exports


def _absolute(each: Import, package: str) -> str:
    """The module that is imported from, as seen from the top; empty where the dots lead too far."""
    if not each.level:
        return each.module
    parts = package.split(".") if package else []
    if each.level > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - each.level + 1], *([each.module] if each.module else [])])
