"""Sentences of the documentation of libraries that slimline needs anyhow: real English texts, without a download."""

import ast
import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tasks.data_loading.sources.protocol import See, SourceListing
from tasks.errors import SourceError
from tasks.workloads.items import Item, RawSample, TakeFile

LIBRARIES = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"}  # packages, by the names of their modules
LEAST_WORDS = 4
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Docstrings:
    """The first paragraphs of docstrings; the class of one is the library that it is of."""

    kind = "docstrings"

    def listing(self, see: See | None = None) -> SourceListing:  # noqa: ARG002 — it changes with the libraries alone
        """Digest of the libraries' versions.

        Returns:
            the same for the same versions.

        Raises:
            SourceError: a library is not installed.
        """
        versions = "".join(f"{module} {version(package)}\n" for module, package in LIBRARIES.items() if _root(module))
        digest = hashlib.sha256(versions.encode()).hexdigest()
        return SourceListing(kind=self.kind, location="docstrings", digest=digest, files=len(LIBRARIES))

    def items(self, take: TakeFile) -> Iterator[Item]:  # noqa: ARG002 — its files are no samples
        """Yield a text for each function and class that is documented, library by library, by the names of files.

        Raises:
            SourceError: a library is not installed.
        """
        for module in LIBRARIES:
            root = _root(module)
            for path in sorted(root.rglob("*.py")):
                name = path.relative_to(root).as_posix()
                if "tests" not in path.relative_to(root).parts:
                    for line, text in _paragraphs(path):
                        yield RawSample(f"{module}/{name}:{line}", module, None, text.encode())


def _paragraphs(path: Path) -> Iterator[tuple[int, str]]:
    """Yield where each docstring's function or class is, and its first paragraph."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, DOCUMENTED) and not node.name.startswith("_") and (found := ast.get_docstring(node)):
            words = found.partition("\n\n")[0].split()
            if len(words) >= LEAST_WORDS:
                yield node.lineno, " ".join(words).encode("utf-8", "replace").decode()


def _root(module: str) -> Path:
    """Return the folder of a library, which is found without importing it."""
    found = find_spec(module)
    if found is None or found.origin is None:
        raise SourceError(
            f"Expected {LIBRARIES[module]}, whose documentation is a part of the source docstrings. Received: none. "
            f"Install what slimline needs, or change data.source."
        )
    return Path(found.origin).parent
