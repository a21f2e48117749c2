"""One file: the digest of what it does, what it imports, and which other files it names."""

import ast
import hashlib
import re
import warnings
from dataclasses import dataclass

from tasks.code.imports import Import, imports_of, run_nodes

DOTTED = "."
FILE = r"[\w-]+(?:/\w[\w.-]*)+\.\w+"  # a path with a folder and a suffix, as in "tasks/templates/page.css"
NAMED = re.compile(rf"""(?P<quote>["'])({FILE})(?P=quote)""".encode())


@dataclass(frozen=True)
class Source:
    """The content of a file and what it leads to.

    ``digest``: SHA-256 of its syntax tree without comments, docstrings, line breaks and quotes; of its bytes where it
    is no Python that can be read. ``mentions``: strings that may name a module, as in ``python -m package.module``.
    ``files``: strings that may name a file, as in ``package/templates/page.html.j2``. ``lazy``: of a module that
    imports its names when they are first used (PEP 562), each name with the module that it comes from. ``exports``: the
    names of ``__all__``, each of which ``from package import *`` imports if it is a module of the package.
    """

    digest: str
    imports: tuple[Import, ...] = ()
    mentions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    lazy: tuple[tuple[str, str], ...] = ()
    exports: tuple[str, ...] = ()


def read_source(content: bytes) -> Source:
    """Return the digest of a file, and what it imports, inside functions too.

    The digest is the same for all patch versions of one Python 3.x, whose syntax trees are the same.

    Args:
        content: of the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's own code, said when it runs
            tree = ast.parse(content)
        table = _lazy_table(tree)
        lazy = _lazy_names(table) if table else ()
        imports, texts = tuple(imports_of(tree)), _texts(tree, table)
        exports = tuple(sorted(_exports(tree)))
        mentions, files = sorted(filter(_is_dotted, texts)), sorted(filter(re.compile(FILE).fullmatch, texts))
        _drop_docstrings(tree)
        written = ast.dump(tree).encode("utf-8", "backslashreplace")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the stage itself says what is wrong with it
        return Source(hashlib.sha256(content).hexdigest())
    return Source(hashlib.sha256(written).hexdigest(), imports, tuple(mentions), tuple(files), lazy, exports)


def read_template(content: bytes) -> Source:
    """Return the digest of a Jinja template, and the files that it may name between quotes, as ``{% extends "…" %}``.

    Args:
        content: of the template.
    """
    files = {found[2].decode("utf-8", "replace") for found in NAMED.finditer(content)}
    return Source(hashlib.sha256(content).hexdigest(), files=tuple(sorted(files)))


def _drop_docstrings(tree: ast.Module) -> None:
    """Take out each statement that is nothing but a string, unless the file reads docstrings."""
    nodes = list(ast.walk(tree))
    if any(getattr(node, "id", getattr(node, "attr", None)) == "__doc__" for node in nodes):
        return
    for node in nodes:
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                statements[:] = [statement for statement in statements if not _is_text(statement)]


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _exports(tree: ast.Module) -> set[str]:
    """All texts that are assigned to ``__all__``, added to it, or given to one of its methods."""
    found: set[str] = set()
    for node in run_nodes(tree):
        targets = getattr(node, "targets", [getattr(node, "target", getattr(node, "func", None))])
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Call) and any(map(_is_all, targets)):
            found.update(text for part in ast.walk(node) if isinstance(text := getattr(part, "value", None), str))
    return found


def _is_all(target: ast.AST | None) -> bool:
    return getattr(getattr(target, "value", target), "id", None) == "__all__"


def _texts(tree: ast.Module, without: ast.Dict | None) -> set[str]:
    nodes = run_nodes(tree, without)
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _lazy_table(tree: ast.Module) -> ast.Dict | None:
    """Find the table of modules by name that a module-level ``__getattr__`` imports from, if there is one."""
    if not any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body):
        return None
    tables = (getattr(node, "value", None) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    return next((table for table in tables if isinstance(table, ast.Dict) and _lazy_names(table)), None)


def _lazy_names(table: ast.Dict) -> tuple[tuple[str, str], ...]:
    """List name and module; nothing where the table has other things in it."""
    rows = [tuple(getattr(part, "value", None) for part in row) for row in zip(table.keys, table.values, strict=True)]
    names = tuple((name, home) for name, home in rows if isinstance(name, str) and isinstance(home, str))
    return names if len(names) == len(rows) and all(_is_dotted(home) for _, home in names) else ()


def _is_dotted(text: str) -> bool:
    return DOTTED in text and all(part.isidentifier() for part in text.split(DOTTED))
